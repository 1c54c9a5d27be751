import type { Result } from '@credence/sdk/resource/guard'

/** RFC 9457 problem details that name the field. */
export const problem = (status: number, detail: string, field?: string): Result => ({
  status,
  body: { type: 'about:blank', title: status === 404 ? 'Not found' : 'Bad request', status, detail, field },
})

/** A JSON object of at most the size that the guard lets in; undefined when it is none. */
export function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return value && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
