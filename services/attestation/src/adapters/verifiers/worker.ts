/** Runs in a worker: bytes that strangers sent are taken apart where they can do no harm (pool.ts). */
import { answerIn } from './answer.ts'
import { alone } from './verifiers.ts'

answerIn(alone)
