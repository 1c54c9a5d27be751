/** A question as tests need one: everything is there, and changes are made to it. */
import type { PolicyInput } from '../policies.ts'

const DIGEST = 'a'.repeat(64)

export const input = (part: Partial<PolicyInput> = {}): PolicyInput => ({
  now: new Date('2026-11-24T12:00:00.000Z'),
  agent: {
    agent: 'agt_01',
    blueprint: 'meeting-scheduler',
    purpose: 'Books meetings',
    sponsor: 'hum_sponsor',
    owner: 'hum_owner',
    kind: 'ephemeral',
    autonomy: 'delegated',
    model: { provider: 'acme', name: 'small', version: '1', digest: DIGEST },
    labels: { team: 'marketing' },
    prompt_digest: DIGEST,
    tool_manifest_digest: DIGEST,
  },
  depth: 0,
  action: 'calendar.book',
  resource: { type: 'CalendarEvent', id: '1', sensitivity: 'internal' },
  audience: 'https://calendar.acme.example',
  location: { name: 'office', trusted: true },
  enforcementPoint: { id: 'spiffe://acme.example/enforcement-point/calendar', location: { name: 'dc', trusted: true } },
  risk: { level: 0, codes: [] },
  ...part,
})
