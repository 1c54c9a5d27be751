/** The tables of the index, as numbered migrations. One source for the embedded engine, one server, and a cluster. */

export type Engines = {
  /** Engine of a table that only grows, and of one that keeps one row a key. */
  mergeTree: string
  replacing: string
  /** Comes after a table's name: ` ON CLUSTER …`, or nothing. */
  onCluster: string
  /** Deduplication window of a table that is not replicated; replicated ones have it by themselves. */
  settings: string
}

export const SINGLE: Engines = {
  mergeTree: 'MergeTree',
  replacing: 'ReplacingMergeTree',
  onCluster: '',
  settings: 'SETTINGS non_replicated_deduplication_window = 1000',
}

/** Replicated tables of a cluster whose macros are `{shard}` and `{replica}`. Written, not run: see README, "Limits". */
export const cluster = (name: string): Engines => ({
  mergeTree: 'ReplicatedMergeTree',
  replacing: 'ReplicatedReplacingMergeTree',
  onCluster: ` ON CLUSTER ${name}`,
  settings: '',
})

export type Migration = { number: number; statements: (engines: Engines) => string[] }

export const TABLES = ['trail', 'links']

/**
 * `log_index` is dense and unique: key and completeness check at once. `links` answers "which records name this thing"
 * by reading a granule or two.
 */
export const MIGRATIONS: Migration[] = [
  {
    number: 1,
    statements: ({ mergeTree, replacing, onCluster, settings }) => [
      `CREATE TABLE IF NOT EXISTS trail${onCluster} (
        log_index UInt64,
        time DateTime64(3, 'UTC'),
        origin LowCardinality(String),
        origin_sequence UInt64,
        type LowCardinality(String),
        subject String,
        actor String,
        human String,
        entry String CODEC(ZSTD(3))
      ) ENGINE = ${mergeTree} PARTITION BY toYYYYMM(time) ORDER BY log_index ${settings}`,
      `CREATE TABLE IF NOT EXISTS links${onCluster} (
        kind LowCardinality(String),
        id String,
        log_index UInt64
      ) ENGINE = ${replacing} ORDER BY (kind, id, log_index)`,
    ],
  },
]
