/** Attestation results of another verifier, whose keys are known; our own are verified where the service issues them. */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Expected, verifyAttestationResult } from './attestation-result.ts'

const NOW = new Date('2026-11-24T12:00:00.000Z')
const IAT = NOW.getTime() / 1000
const { privateKey, publicKey } = await generateKeyPair('ES256')
const keys = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }

const submodule = (part: object = {}) => ({
  ear_status: 'warning',
  ear_trustworthiness_vector: { 'instance-identity': 2, 'storage-opaque': 32 },
  ear_appraisal_policy_ids: ['profile/x/v1'],
  eat_nonce: 'a-nonce-of-32-bytes-in-base64url',
  ...part,
})
const CLAIMS = {
  eat_profile: 'tag:ietf.org,2026:rats/ear#04',
  iat: IAT,
  exp: IAT + 60,
  ear_verifier_id: { developer: 'somebody', build: '1' },
  ear_status: 'warning',
  submods: { software: submodule() },
  cnf: { jkt: 'thumbprint' },
}
const signed = (part: object = {}, key = privateKey) =>
  new SignJWT({ ...CLAIMS, ...part } as JWTPayload).setProtectedHeader({ alg: 'ES256', typ: 'eat+jwt' }).sign(key)
const verify = async (part: object = {}, expected: Partial<Expected> = {}) =>
  verifyAttestationResult(await signed(part), { keys, now: NOW, ...expected } as Expected)
const at = (seconds: number) => ({ now: new Date(NOW.getTime() + seconds * 1000) })

describe('an attestation result', () => {
  it('says the worst of its parts, and whose key it is about', async () => {
    const worse = submodule({ ear_status: 'contraindicated', ear_trustworthiness_vector: { executables: 96 } })
    const submods = { software: submodule(), 'container-image': worse }
    expect(await verify({ submods, ear_status: undefined, 'x.example/unknown': { y: 1 } })).toMatchObject({
      status: 'contraindicated',
      vector: { 'instance-identity': 2, 'storage-opaque': 32, executables: 96 },
      submodules: { software: { status: 'warning', nonce: 'a-nonce-of-32-bytes-in-base64url' } },
      keyThumbprint: 'thumbprint',
      expiresAt: new Date((IAT + 60) * 1000),
    })
  })

  const refusals: [name: string, reason: string, part: object, expected?: Partial<Expected>][] = [
    ['whose status is a number', 'form', { ear_status: 2 }],
    ['whose part has a number as status', 'form', { submods: { software: submodule({ ear_status: 32 }) } }],
    ['with an unknown status word', 'form', { submods: { software: submodule({ ear_status: 'fine' }) } }],
    ['without a part', 'form', { submods: {} }],
    ['without the status of a part', 'form', { submods: { software: submodule({ ear_status: undefined }) } }],
    ['of another profile', 'form', { eat_profile: 'tag:ietf.org,2026:rats/ear#03' }],
    ['without a profile', 'form', { eat_profile: undefined }],
    ['without its verifier', 'form', { ear_verifier_id: undefined }],
    ['with a broken time', 'form', { iat: IAT + 0.5 }],
    ['with a broken end', 'form', { exp: IAT + 60.5 }],
    ['with an empty list of policies', 'form', { submods: { a: submodule({ ear_appraisal_policy_ids: [] }) } }],
    ['that is better than its vector', 'status', { submods: { a: submodule({ ear_status: 'affirming' }) } }],
    ['without an end', 'endless', { exp: undefined }],
    ['that is over', 'expired', {}, at(60)],
    ['that is too old for its reader', 'expired', {}, { ...at(31), maximumAgeSeconds: 30 }],
    ['from the future', 'not_yet_valid', {}, at(-10)],
    ['not valid yet', 'not_yet_valid', { nbf: IAT + 30 }],
    ['for somebody else', 'audience', { aud: 'https://other.example' }, { audience: 'https://me.example' }],
    ['for an audience, read by nobody', 'audience', { aud: ['https://other.example'] }],
    ['of the holder of another key', 'key', {}, { keyThumbprint: 'mine' }],
    ['of nobody’s key, when one is wanted', 'key', { cnf: undefined }, { keyThumbprint: 'mine' }],
  ]
  for (const [name, reason, part, expected] of refusals)
    it(`is refused ${name}`, async () =>
      expect(verify(part, expected)).rejects.toMatchObject({
        status: 'unauthenticated',
        reason: `attestation_result_${reason}`,
      }))

  it('counts for its reader and its bearer', async () => {
    const expected = { audience: 'https://me.example', keyThumbprint: 'thumbprint', maximumAgeSeconds: 30 }
    const result = await verify({ aud: ['https://me.example'] }, expected)
    expect(result.expiresAt).toEqual(new Date((IAT + 30) * 1000))
  })

  it('is refused when another key signed, when it was altered, and when it is signed by nobody', async () => {
    const stranger = await signed({}, (await generateKeyPair('ES256')).privateKey)
    const [head = '', , signature = ''] = (await signed()).split('.')
    const body = Buffer.from(JSON.stringify({ ...CLAIMS, ear_status: 'affirming' })).toString('base64url')
    const none = Buffer.from('{"alg":"none","typ":"eat+jwt"}').toString('base64url')
    for (const ear of [stranger, [head, body, signature].join('.'), `${none}.${body}.`, 'nonsense', ''])
      await expect(verifyAttestationResult(ear, { keys, now: NOW }), ear).rejects.toMatchObject({
        reason: 'attestation_result_signature',
      })
  })
})

describe('the form of 2023', () => {
  // From the appendix of draft-ietf-rats-ear-04 (Open Policy Agent example), which still carries it.
  const EAR = [
    'eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJlYXIucmF3L',
    'WV2aWRlbmNlIjoiTnpRM01qWTVOek0yTlRZek56UUsiLCJlYXIudmVyaWZpZXItaWQiO',
    'nsiYnVpbGQiOiJ2dHMgMC4wLjEiLCJkZXZlbG9wZXIiOiJodHRwczovL3ZlcmFpc29uL',
    'XByb2plY3Qub3JnIn0sImVhdF9wcm9maWxlIjoidGFnOmdpdGh1Yi5jb20sMjAyMzp2Z',
    'XJhaXNvbi9lYXIiLCJpYXQiOjEuNjY2NTI5MTg0ZSswOSwianRpIjoiNTViOGIzZmFkO',
    'GRkMWQ4ZWFjNGU0OGYxMTdmZTUwOGIxMWY4NDRkOWYwMTg5YmZlZDliODc1MTVhNjc1N',
    'DI2NCIsIm5iZiI6MTY3NzI0Nzg3OSwic3VibW9kcyI6eyJQQVJTRUNfVFBNIjp7ImVhc',
    'i5hcHByYWlzYWwtcG9saWN5LWlkIjoiaHR0cHM6Ly92ZXJhaXNvbi5leGFtcGxlL3Bvb',
    'GljeS8xLzYwYTAwNjhkIiwiZWFyLnN0YXR1cyI6ImFmZmlybWluZyIsImVhci50cnVzd',
    'HdvcnRoaW5lc3MtdmVjdG9yIjp7ImV4ZWN1dGFibGVzIjoyLCJoYXJkd2FyZSI6Miwia',
    'W5zdGFuY2UtaWRlbnRpdHkiOjJ9LCJlYXIudmVyYWlzb24ua2V5LWF0dGVzdGF0aW9uI',
    'jp7ImFrcHViIjoiTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFY2pTc',
    'DhfTVdNM2d5OFR1Z1dPMVRwUVNqX3ZJa3NMcEMtZzhsNVMzbHBHYjdQV1dHb0NBakVQO',
    'F9BNTlWWndMWGd3b1p6TjBXeHVCUGpwYVdpV3NmQ1EifX19fQ.3Ym-f1LEgamxePUM7h',
    '6Y2RJDGh9eeL0xKor0n1wE9jdAnLNwm3rTKFV2S2LbqVFoDtK9QGalT2t5RnUdfwZNmg',
  ].join('')
  const theirs = {
    keys: [
      {
        alg: 'ES256',
        crv: 'P-256',
        kty: 'EC',
        x: 'usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8',
        y: 'IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4',
      },
    ],
  }
  const now = new Date('2023-02-24T15:00:00Z')
  const YEAR_SECONDS = 365 * 86_400

  it('is read, when its reader says how old it may be', async () => {
    const result = await verifyAttestationResult(EAR, { keys: theirs, now, maximumAgeSeconds: YEAR_SECONDS })
    expect(result).toMatchObject({
      profile: 'tag:github.com,2023:veraison/ear',
      status: 'affirming',
      vector: { executables: 2, hardware: 2, 'instance-identity': 2 },
      submodules: { PARSEC_TPM: { policyIds: ['https://veraison.example/policy/1/60a0068d'] } },
      issuedAt: new Date(1_666_529_184_000),
    })
  })
  it('has no end of its own, and is not valid before its time', async () => {
    await expect(verifyAttestationResult(EAR, { keys: theirs, now })).rejects.toMatchObject({
      reason: 'attestation_result_endless',
    })
    const before = { keys: theirs, now: new Date(1_677_247_800_000), maximumAgeSeconds: YEAR_SECONDS }
    await expect(verifyAttestationResult(EAR, before)).rejects.toMatchObject({
      reason: 'attestation_result_not_yet_valid',
    })
  })
  it('is refused with a number as its status', async () => {
    const claims = {
      iat: IAT,
      exp: IAT + 60,
      eat_profile: 'tag:github.com,2023:veraison/ear',
      'ear.verifier-id': { developer: 'x', build: '1' },
      submods: { x: { 'ear.status': 2 } },
    }
    const ear = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
    await expect(verifyAttestationResult(ear, { keys, now: NOW })).rejects.toMatchObject({
      reason: 'attestation_result_form',
    })
  })
})
