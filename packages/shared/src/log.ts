import { trace } from '@opentelemetry/api'
import pino from 'pino'

/**
 * What a log line may hold. The list is closed: a member that is not here is dropped before it is written, so a token,
 * key, prompt or argument cannot slip in with an object that somebody logs whole.
 */
const FIELDS = [
  'service', 'stream', 'sequence', 'position', 'subject', 'type', 'method', 'status', 'reason', 'code', 'caller',
  'agent', 'task', 'grant', 'decision', 'delegation', 'count', 'size', 'milliseconds', 'port', 'address', 'version',
  'error', 'signal', 'durable', 'outcome',
  'trace_id',
] as const // biome-ignore format: a list

export type LogFields = Partial<Record<(typeof FIELDS)[number], string | number | boolean | undefined>>

export type Log = {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

/** JSON lines on standard output, one event a line, with the trace id of the active span. */
export function createLog(
  service: string,
  level: string,
  destination: pino.DestinationStream = pino.destination(1),
): Log {
  const known = (fields: Record<string, unknown>) =>
    Object.fromEntries(FIELDS.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])))
  const options: pino.LoggerOptions = {
    level,
    base: { service },
    formatters: { level: (label) => ({ level: label }), log: known },
    mixin: () => {
      const span = trace.getActiveSpan()?.spanContext()
      return span ? { trace_id: span.traceId } : {}
    },
  }
  const logger = pino(options, destination)
  const write =
    (severity: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, fields: LogFields = {}) =>
      logger[severity](fields, event)
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** The message of an unknown thrown thing, without its stack. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
