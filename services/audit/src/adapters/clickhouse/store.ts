/** The index in ClickHouse: embedded (chDB) or a server, through the same client. One client for writing, one for reading. */
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { sha256 } from '@credence/shared/digest'
import { createChdbConnection } from 'chdb/connection'
import type { IndexedRecord, IndexStore } from '../../projections/index-store.ts'
import { type Engines, MIGRATIONS, SINGLE, TABLES } from './schema.ts'

export type Where = { folder: string } | { url: string }

const MAX_MEMORY_BYTES = 2_000_000_000
const MAX_QUERY_SECONDS = 20

export async function openIndexStore(where: Where, engines: Engines = SINGLE): Promise<IndexStore> {
  const writer = open(where)
  await writer.command({ query: `SET max_memory_usage = ${MAX_MEMORY_BYTES}` })
  await migrate(writer, engines)
  // Whatever holds input from outside goes through this one. On the embedded engine "readonly" cannot be taken back,
  // and file() and url() are refused with it.
  const reader = open(where)
  await reader.command({
    query: `SET max_memory_usage = ${MAX_MEMORY_BYTES}, max_execution_time = ${MAX_QUERY_SECONDS}`,
  })
  await reader.command({ query: 'SET readonly = 1' })

  const rows = async <Row>(
    client: ClickHouseClient,
    query: string,
    parameters: Record<string, unknown> = {},
  ): Promise<Row[]> => {
    const result = await client.query({ query, query_params: parameters, format: 'JSONEachRow' })
    return result.json<Row>()
  }
  return {
    state: async () => {
      const [counted] = await rows<{ size: string; next: string }>(
        writer,
        'SELECT toString(count()) AS size, toString(if(count() = 0, 0, max(log_index) + 1)) AS next FROM trail',
      )
      const positions = await rows<{ origin: string; sequence: string }>(
        writer,
        'SELECT origin, toString(max(origin_sequence)) AS sequence FROM trail GROUP BY origin',
      )
      return {
        size: Number(counted?.size),
        next: Number(counted?.next),
        positions: Object.fromEntries(positions.map(({ origin, sequence }) => [origin, Number(sequence)])),
      }
    },
    insert: (records) => insert(writer, records),
    clear: async () => {
      for (const table of TABLES)
        await writer.command({ query: `DROP TABLE IF EXISTS ${table}${engines.onCluster} SYNC` })
      await writer.command({ query: `DROP TABLE IF EXISTS migrations${engines.onCluster} SYNC` })
      await migrate(writer, engines)
    },
    query: (text, parameters) => rows(reader, text, parameters),
    close: async () => {
      await reader.close()
      await writer.close()
    },
  }
}

const open = (where: Where): ClickHouseClient =>
  'url' in where ? createClient({ url: where.url }) : createClient({ connection: embedded(where.folder) })

/** chDB implements the client's connection by the types of its own copy of them. */
const embedded = (path: string) =>
  createChdbConnection({ path }) as unknown as NonNullable<Parameters<typeof createClient>[0]>['connection']

async function migrate(client: ClickHouseClient, engines: Engines): Promise<void> {
  await client.command({
    query: `CREATE TABLE IF NOT EXISTS migrations${engines.onCluster} (number UInt32, checksum String) ENGINE = ${engines.mergeTree} ORDER BY number`,
  })
  const result = await client.query({ query: 'SELECT number, checksum FROM migrations', format: 'JSONEachRow' })
  const applied = new Map(
    (await result.json<{ number: number; checksum: string }>()).map((row) => [row.number, row.checksum]),
  )
  for (const { number, statements } of MIGRATIONS) {
    const checksum = sha256(statements(engines).join(';\n'))
    const known = applied.get(number)
    if (known && known !== checksum)
      throw new Error(`migration ${number} of the index was changed after it was applied`)
    if (known) continue
    for (const query of statements(engines)) await client.command({ query })
    await client.insert({ table: 'migrations', values: [{ number, checksum }], format: 'JSONEachRow' })
  }
}

/** Links first: `trail` tells how far the index is, and a link that is there twice does no harm. */
async function insert(client: ClickHouseClient, records: IndexedRecord[]): Promise<void> {
  const links = records.flatMap(({ links: named, row }) =>
    named.map(([kind, id]) => ({ kind, id, log_index: row.log_index })),
  )
  const token = `${records[0]?.row.log_index}-${records.at(-1)?.row.log_index}`
  const settings = (table: string) => ({ insert_deduplication_token: `${table}:${token}`, async_insert: 0 as const })
  await client.insert({ table: 'links', values: links, format: 'JSONEachRow', clickhouse_settings: settings('links') })
  await client.insert({
    table: 'trail',
    values: records.map(({ row }) => row),
    format: 'JSONEachRow',
    clickhouse_settings: settings('trail'),
  })
}
