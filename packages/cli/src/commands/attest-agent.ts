/** The helper beside an agent: keeps it attested, by what it measures and gathers. */
import type { Attester, AttesterListeners } from '@credence/attester/attester'
import { type AttesterConfig, ConfigError, readAttesterConfig, readPidFile } from '@credence/attester/config'
import { MeasureError } from '@credence/attester/measure-error'
import { ProducerError } from '@credence/attester/producer'
import { CredenceError } from '@credence/contracts/errors'
import type { Shown } from '@credence/sdk/agent/attestation'
import { openAgentKey } from '@credence/sdk/agent/key-file'
import type { Command } from 'commander'
import { adviceOn } from '../attestation/advice.ts'
import { showProgress } from '../attestation/progress.ts'
import { EXIT, Explained, explainFailure, Usage } from '../failure.ts'
import { harmless, say } from '../print.ts'

type Options = { config?: string; once?: boolean; pid?: string; verbose?: boolean; printKey?: string }

export function addAttestAgentCommand(program: Command): void {
  program
    .command('attest-agent')
    .description('runs beside an agent: measures it, shows evidence in time, and at once when something changes')
    .option('--config <file>', 'who the agent is, what it is made of, what it shows (JSON; docs/attest-agent.md)')
    .option('--once', 'attests once; ends with 0 when it was accepted, with 3 when it was refused')
    .option('--pid <number>', 'the agent’s process: it is observed, and attesting ends with it')
    .option('--verbose', 'says how each part is known')
    .option(
      '--print-key <key-file>',
      'only prints the public key of an agent, for its registration; makes the key when there is none',
    )
    .action(async (options: Options) => {
      const { printKey, config: file } = options
      if (printKey) return say(JSON.stringify((await openAgentKey(printKey)).publicJwk))
      if (!file) throw new Usage('Name the configuration: --config <file>')
      const config = configured(() => readAttesterConfig(file))
      const progress = showProgress()
      const listeners = listening(options, progress)
      // Loaded by whoever needs it: it brings all producers with it.
      const { openAttester } = await import('@credence/attester/attester')
      const attester = await openAttester(config, { pid: processIn(config, options), listeners }).catch((error) => {
        const { text, code } = explained(error)
        throw new Explained(text, code)
      })
      try {
        if (options.once) await once(attester, progress.end)
        else await keep(attester)
      } finally {
        progress.end()
        await attester.close()
      }
    })
}

async function once(attester: Attester, done: () => void): Promise<void> {
  try {
    const shown = await attester.once()
    done()
    sayResult(shown, undefined)
    if (!shown.accepted) process.exitCode = EXIT.denied
  } catch (error) {
    const { text, code } = explained(error)
    done()
    throw new Explained(text, code)
  }
}

/** Runs until it is told to stop, or the agent has ended. */
async function keep(attester: Attester): Promise<void> {
  const kept = await attester.keep()
  const stop = () => void kept.stop()
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  // An operator or a deployment knows before we do.
  process.on('SIGHUP', kept.now)
  await kept.ended
  process.off('SIGTERM', stop)
  process.off('SIGINT', stop)
  process.off('SIGHUP', kept.now)
}

function listening({ verbose, once: single }: Options, progress: ReturnType<typeof showProgress>): AttesterListeners {
  const tell = (text: string) => {
    progress.end()
    say(`${new Date().toISOString()} ${text}`)
  }
  return {
    onProgress: progress.show,
    onMeasured: ({ composition, notes, faults }) => {
      for (const { message } of faults) tell(`NOTE     ${harmless(message)}`)
      if (!verbose) return
      for (const [part, digest] of Object.entries(composition)) tell(`measured ${part.padEnd(13)} ${digest}`)
      for (const { part, known, what } of notes) tell(`${KNOWN[known]} ${part.padEnd(13)} ${harmless(what)}`)
    },
    onChanged: (paths) =>
      tell(`changed  ${paths.slice(0, 5).map(harmless).join(', ')}${paths.length > 5 ? ', …' : ''}`),
    onResult: (shown, next) => {
      if (!single) sayResult(shown, next, tell)
    },
    onFailure: (error, next) => {
      const { text, code } = explained(error)
      tell(`FAILED   ${text.replaceAll('\n', ' ')}${next ? ` Next attempt at ${next.toISOString()}.` : ' It ends.'}`)
      if (!next) process.exitCode = code
    },
    onRevoked: (reason) => tell(`REVOKED  the result counts no more (${reason}); attesting again`),
    onProcessEnded: (pid) => tell(`ended    process ${pid} has ended: its attestation is not renewed`),
  }
}

const KNOWN = { read: 'read    ', seen: 'seen    ', told: 'told    ' }

/** One line for the result, and one for each reason that somebody can do something about. */
function sayResult(shown: Shown, next: Date | undefined, tell: (text: string) => void = say): void {
  const { accepted, status, reasons, resultId, expiresAt } = shown
  const then = next ? `; next at ${next.toISOString()}` : ''
  tell(
    accepted
      ? `accepted ${status} until ${expiresAt.toISOString()} (${resultId})${then}`
      : `REFUSED  ${status} (${resultId})${then}`,
  )
  if (accepted) return
  for (const reason of reasons) {
    const advice = adviceOn(reason)
    tell(`         ${harmless(reason)}${advice ? `: ${advice}` : ''}`)
  }
}

/** What a person can do about it, and the exit code. */
function explained(error: unknown): { text: string; code: number } {
  if (error instanceof MeasureError || error instanceof ProducerError)
    return { text: `${harmless(error.message)} (${error.code})`, code: EXIT.notReady }
  if (error instanceof CredenceError && error.status === 'unauthenticated')
    return {
      text: `The service does not know this agent by this key (${error.reason}). Is it registered with the key of key_file? credence attest-agent --print-key <key_file> shows it.`,
      code: EXIT.denied,
    }
  if (error instanceof CredenceError && error.status === 'unavailable')
    return {
      text: `The attestation service cannot be reached (${error.reason}). Check service and ca_file.`,
      code: EXIT.notReady,
    }
  return explainFailure(error)
}

function configured<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof ConfigError ? new Usage(error.message) : error
  }
}

const processIn = ({ pid_file: file }: AttesterConfig, { pid }: Options): number | undefined =>
  pidOf(pid) ?? (file === undefined ? undefined : configured(() => readPidFile(file)))

function pidOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const pid = Number(text)
  if (!Number.isSafeInteger(pid) || pid < 1) throw new Usage(`--pid ${text}: must be the number of a process.`)
  return pid
}
