/** A small customer database with its own data. It knows nothing of Credence: the guard in front does. */
import { DatabaseSync } from 'node:sqlite'
import type { Operation, Permitted, Result } from '@credence/sdk/resource/guard'
import { problem } from '../problem.ts'

const COMPANIES = [
  'Alder',
  'Birch',
  'Cedar',
  'Elm',
  'Fir',
  'Hazel',
  'Juniper',
  'Larch',
  'Maple',
  'Oak',
  'Pine',
  'Rowan',
]

/** What a request means, for the decision point. One contact is confidential; all records at once are restricted. */
export function customersOperation(method: string, url: URL): Operation | undefined {
  const contact = /^\/customers\/([a-z]+)\/contact$/.exec(url.pathname)?.[1]
  if (method === 'GET' && contact)
    return {
      action: 'customers.read_contact',
      resource: { type: 'Customer', id: contact, sensitivity: 'confidential' },
    }
  if (method === 'GET' && url.pathname === '/customers')
    return { action: 'customers.list', resource: { type: 'Customer', id: 'all', sensitivity: 'restricted' } }
  return undefined
}

/** Types of obligations that are carried out here. */
export const CUSTOMERS_OBLIGATIONS = ['limit_rows']

const rowsOf = (obligations: Permitted['obligations']): number =>
  Math.min(...obligations.filter(({ type }) => type === 'limit_rows').map(({ properties }) => Number(properties.rows)))

export function openCustomers(file: string) {
  const database = new DatabaseSync(file)
  database.exec('CREATE TABLE IF NOT EXISTS customer (id TEXT PRIMARY KEY, name TEXT, contact TEXT, revenue INTEGER)')
  const add = database.prepare('INSERT OR IGNORE INTO customer (id, name, contact, revenue) VALUES (?, ?, ?, ?)')
  for (const [index, name] of COMPANIES.entries()) {
    const id = name.toLowerCase()
    add.run(id, `${name} & Co.`, `office@${id}.example`, (index + 3) * 125_000)
  }
  const find = database.prepare('SELECT id, name, contact FROM customer WHERE id = ?')
  const all = database.prepare('SELECT id, name, contact, revenue FROM customer ORDER BY id')
  return {
    handle: async ({ url, obligations }: Permitted): Promise<Result> => {
      const id = /^\/customers\/([a-z]+)\/contact$/.exec(url.pathname)?.[1]
      if (!id) return { status: 200, body: { customers: all.all().slice(0, rowsOf(obligations)) } }
      const row = find.get(id)
      return row ? { status: 200, body: row } : problem(404, `There is no customer ${id}.`)
    },
    close: () => database.close(),
  }
}
