/** What every chapter works with. */
import type { Company } from '../company.ts'
import type { Stack } from '../stack.ts'
import type { Cast, Enrolled } from './cast.ts'
import type { Narrator } from './narrator.ts'

export const MAIL = {
  id: 'CAF-2291@cedar.example',
  from: 'office@cedar.example',
  text: 'Hello Cora, could we schedule a meeting tomorrow to discuss the campaign? Ten would be a good time.',
}
export const SECOND_MAIL = {
  ...MAIL,
  id: 'CAF-2304@cedar.example',
  text: 'Hello Cora, shall we schedule another meeting to discuss the budget?',
}
export const MEETING = {
  title: 'Campaign',
  start: '2026-12-01T10:00:00Z',
  end: '2026-12-01T10:30:00Z',
  attendees: ['office@cedar.example'],
}

export type Scene = { stack: Stack; company: Company; cast: Cast; tell: Narrator }

export const ask = async (
  agent: Enrolled,
  resource: string,
  method: string,
  path: string,
  more: { body?: unknown; fromElsewhere?: boolean } = {},
) => {
  const { status, body } = await agent.process.ask('call', { resource, method, path, ...more })
  return {
    status,
    body: body as {
      code?: string
      decision_id?: string
      reasons?: { code: string }[]
      approval?: { decision_position: string; approver: string }
      id?: string
      name?: string
    },
  }
}
export const codes = (answer: Awaited<ReturnType<typeof ask>>): string =>
  answer.body?.reasons?.map(({ code }) => code).join(', ') ?? answer.body?.code ?? ''
