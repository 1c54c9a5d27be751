/** A server that decides, while it runs: how to ask it, and what of the machine it takes. */
import type { AskedWith } from './requests.ts'

export type Target = {
  name: string
  /** Where decisions are asked for, with the path. */
  url: string
  headers: Record<string, string>
  /** The header of that name, where it has to be renewed now and then. */
  authorization?: () => Promise<string>
  /** A PEM file, when the url is https. */
  caFile?: string
  body(asked: AskedWith): string
  /** Requests before it is measured, where the first one about a thing costs more than the next; that is told apart. */
  settledAfter?: number
  /** What the body of an answer contains if and only if it allows. */
  allowed: string
  /** All processes that work for a decision. */
  pids: number[]
  stop(): Promise<void>
}
