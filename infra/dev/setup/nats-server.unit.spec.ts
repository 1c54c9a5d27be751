import { describe, expect, it } from 'vitest'
// @ts-expect-error plain JavaScript: it runs before anything is installed
import { isNewEnough, parseVersion } from './nats-server.mjs'

describe('finding a nats-server', () => {
  const cases: [output: string, version: number[] | undefined, ok: boolean][] = [
    ['nats-server: v2.14.6\n', [2, 14, 6], true],
    ['nats-server: v2.9.10\n', [2, 9, 10], true],
    ['nats-server: v2.8.4\n', [2, 8, 4], false],
    ['nats-server: v3.0.0-beta.1', [3, 0, 0], true],
    ['command not found', undefined, false],
  ]
  for (const [output, version, ok] of cases)
    it(`${output.trim()}: ${ok ? 'taken' : 'not taken'}`, () => {
      expect(parseVersion(output)).toEqual(version)
      expect(isNewEnough(version)).toBe(ok)
    })
})
