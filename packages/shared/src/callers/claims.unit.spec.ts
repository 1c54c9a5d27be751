import { describe, expect, it } from 'vitest'
import { ClaimNames, readClaims, tellsAll, usualClaims } from './claims.ts'

const issuer = 'https://idp.example'

describe('claims of an identity provider', () => {
  it('are name and groups, where nothing else is said', () => {
    expect(readClaims(usualClaims(issuer), { name: 'Cora', groups: ['a', 'b'] })).toEqual({
      name: 'Cora',
      groups: ['a', 'b'],
    })
    expect(ClaimNames.parse({ issuer })).toEqual(usualClaims(issuer))
  })
  it('are read where the configuration says: other names, names with dots, members of members, several together', () => {
    const names = ClaimNames.parse({
      issuer,
      name: 'https://acme.example/claims/full.name',
      groups: ['roles', ['realm_access', 'roles'], 'department'],
    })
    const claims = {
      'https://acme.example/claims/full.name': 'Cora',
      name: 'another',
      groups: ['not these'],
      roles: ['a', 'b'],
      realm_access: { roles: ['b', 'c'] },
      department: 'sales',
    }
    expect(readClaims(names, claims)).toEqual({ name: 'Cora', groups: ['a', 'b', 'c', 'sales'] })
  })
  it('of another form are no groups: numbers, objects, what objects inherit', () => {
    expect(readClaims(usualClaims(issuer), { name: 7, groups: [1, { a: 'b' }, null, 'a'] })).toEqual({
      name: '',
      groups: ['a'],
    })
    const inherited = ClaimNames.parse({ issuer, groups: [['constructor', 'name'], 'toString'] })
    expect(readClaims(inherited, {}).groups).toEqual([])
  })
  it('are asked for elsewhere only when the token does not tell them', () => {
    expect(tellsAll(usualClaims(issuer), { name: 'Cora', groups: [] })).toBe(true)
    expect(tellsAll(usualClaims(issuer), { name: 'Cora' })).toBe(false)
  })
  it('that are misspelt in the configuration are refused', () => {
    for (const wrong of [{ issuer: 'acme' }, { issuer, group: 'x' }, { issuer, groups: [''] }])
      expect(ClaimNames.safeParse(wrong).success).toBe(false)
  })
})
