import { describe, expect, it } from 'vitest'
import { readSignIn } from './sign-in.ts'

const time = Date.parse('2026-11-24T12:00:00.000Z') / 1000
const claims = { acr: 'urn:acme:password', amr: ['pwd', 'otp'], auth_time: time, iat: time + 60 }

describe('how somebody signed in', () => {
  it('is read from a token', () => {
    const at = '2026-11-24T12:00:00.000Z'
    expect(readSignIn(claims)).toEqual({ acr: 'urn:acme:password', amr: ['pwd', 'otp'], at })
    expect(readSignIn({ auth_time: time, iat: time })).toEqual({ at })
  })
  it('is nothing when the token does not say when, or says what cannot be', () => {
    for (const wrong of [
      { auth_time: undefined },
      { auth_time: String(time) },
      { auth_time: time + 61 },
      { auth_time: -1 },
      { auth_time: 1.5 },
      { auth_time: 1e12, iat: 1e12 },
      { iat: undefined },
      { acr: 7 },
      { acr: '' },
      { acr: 'x'.repeat(129) },
      { amr: 'pwd' },
      { amr: [1] },
      { amr: Array.from({ length: 17 }, () => 'pwd') },
    ])
      expect(readSignIn({ ...claims, ...wrong })).toBeUndefined()
  })
})
