/** A small calendar service with its own data. It knows nothing of Credence: the guard in front does. */
import { DatabaseSync } from 'node:sqlite'
import type { Operation, Permitted, Result } from '@credence/sdk/resource/guard'
import { newId } from '@credence/shared/ids'
import { z } from 'zod'
import { parseObject, problem } from '../problem.ts'

const Meeting = z.strictObject({
  title: z.string().min(1).max(200),
  start: z.iso.datetime(),
  end: z.iso.datetime(),
  attendees: z.array(z.email()).min(1).max(50),
})

/** What a request means, for the decision point. */
export function calendarOperation(method: string, url: URL): Operation | undefined {
  const event = /^\/events\/([a-z0-9_]+)$/.exec(url.pathname)?.[1]
  const about = (id: string) => ({ type: 'CalendarEvent', id, sensitivity: 'internal' as const })
  if (method === 'POST' && url.pathname === '/events') return { action: 'calendar.book', resource: about('new') }
  if (method === 'GET' && event) return { action: 'calendar.read', resource: about(event) }
  if (method === 'DELETE' && event) return { action: 'calendar.cancel', resource: about(event) }
  return undefined
}

export function openCalendar(file: string) {
  const database = new DatabaseSync(file)
  database.exec(
    'CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, owner TEXT, start TEXT, end TEXT, meeting TEXT)',
  )
  const insert = database.prepare('INSERT INTO event (id, owner, start, end, meeting) VALUES (?, ?, ?, ?, ?)')
  const find = database.prepare('SELECT meeting FROM event WHERE id = ?')
  const remove = database.prepare('DELETE FROM event WHERE id = ?')

  const book = ({ body, subject }: Permitted): Result => {
    const parsed = Meeting.safeParse(parseObject(body))
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      return problem(400, issue?.message ?? 'must be a meeting', issue?.path.join('.'))
    }
    const meeting = parsed.data
    if (meeting.end <= meeting.start) return problem(400, 'must be after start', 'end')
    const id = newId('evn')
    insert.run(id, subject, meeting.start, meeting.end, JSON.stringify(meeting))
    return { status: 201, body: { id, ...meeting } }
  }
  const read = (id: string): Result => {
    const row = find.get(id) as { meeting: string } | undefined
    return row ? { status: 200, body: { id, ...JSON.parse(row.meeting) } } : problem(404, `There is no event ${id}.`)
  }
  const cancel = (id: string): Result =>
    remove.run(id).changes > 0
      ? { status: 200, body: { id, cancelled: true } }
      : problem(404, `There is no event ${id}.`)
  return {
    handle: async (request: Permitted): Promise<Result> => {
      const id = request.url.pathname.split('/').at(-1) ?? ''
      if (request.method === 'POST') return book(request)
      return request.method === 'DELETE' ? cancel(id) : read(id)
    },
    close: () => database.close(),
  }
}
