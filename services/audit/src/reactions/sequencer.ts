/**
 * The sequencer: copies every origin stream into TRAIL, in the order of arrival. The expected last sequence of TRAIL
 * fences it: any number may run, one wins each place, nothing is there twice and nothing is left out. Where it stands
 * is told by TRAIL itself.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ORIGINS, type Origin } from '@credence/contracts/streams'
import { BUS_TIMEOUT_MS, type Bus } from '@credence/shared/bus/connect'
import { type Follower, follow } from '@credence/shared/event-store/follow'
import { type Log, messageOf } from '@credence/shared/log'
import { encodeEntry } from '../domain/entry.ts'

export type Sequencer = { followers: readonly Follower[]; stop(): Promise<void> }

/** What TRAIL holds, as the follower of TRAIL has seen it. */
export type TrailView = {
  follower: Follower
  /** Highest sequence of an origin that is in TRAIL. */
  sequenced: (origin: Origin) => number
}

export type Entry = { origin: Origin; sequence: number; subject: string; entry: Buffer }
type Waiting = Entry & { since: number }

const WINDOW = 512
const MOST_WAITING = 4_096
/** A standby takes over when something has waited this long and nobody has put it into TRAIL. */
const PATIENCE_MS = 400
const PAUSE_MS = 20

export async function startSequencer(options: {
  bus: Bus
  log: Log
  trail: TrailView
  onHalt: (error: Error) => void
}): Promise<Sequencer> {
  const { bus, log, trail, onHalt } = options
  let queue: Waiting[] = []
  let wake: () => void = () => undefined
  let stopped = false
  let active = false
  /** Until somebody else is met, nobody is waited for. */
  let alone = true

  const followers = await Promise.all(
    ORIGINS.map((origin) =>
      follow({ bus, log, stream: origin, after: trail.sequenced(origin), onHalt }, async (message) => {
        while (queue.length >= MOST_WAITING && !stopped) await delay(PAUSE_MS)
        const { subject, headers, seq: sequence } = message
        const data = Buffer.from(message.data).toString('utf8')
        const entry = encodeEntry({ origin, sequence, subject, header: (name) => headers?.get(name) ?? '', data })
        queue.push({ origin, sequence, subject, entry, since: Date.now() })
        wake()
      }),
    ),
  )

  const missing = (item: Waiting) => item.sequence > trail.sequenced(item.origin)

  /** Publishes what waits, many in flight, each expecting its own place. @returns false when somebody else was there */
  async function write(): Promise<boolean> {
    while (queue.length > 0 && !stopped) {
      const place = trail.follower.position()
      const batch = queue.slice(0, WINDOW)
      if (!(await publishAll(bus, batch, place))) return false
      await trail.follower.reached(place + batch.length, BUS_TIMEOUT_MS * 2)
      queue = queue.filter(missing)
    }
    return true
  }

  /** Brings the view of TRAIL up to date before anything is tried again. */
  async function catchUp(): Promise<void> {
    const { state } = await bus.jsm.streams.info('TRAIL')
    await trail.follower.reached(state.last_seq, BUS_TIMEOUT_MS * 4)
    queue = queue.filter(missing)
  }

  async function run(): Promise<void> {
    while (!stopped) {
      const oldest = queue[0]
      if (!oldest) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      if (!active && !alone && Date.now() - oldest.since < PATIENCE_MS) {
        await delay(PAUSE_MS)
        queue = queue.filter(missing)
        continue
      }
      try {
        if (!active) await catchUp()
        const won = await write()
        if (active !== won)
          log.info(won ? 'sequencing' : 'standing by', { stream: 'TRAIL', position: trail.follower.position() })
        active = won
        alone = won
      } catch (error) {
        active = false
        log.warn('sequencer waits', { stream: 'TRAIL', error: messageOf(error) })
      }
      if (!active) await delay(PAUSE_MS + Math.random() * PATIENCE_MS)
    }
  }
  const running = run()

  return {
    followers,
    stop: async () => {
      stopped = true
      wake()
      await Promise.all(followers.map((follower) => follower.stop()))
      await running
    },
  }
}

const idOf = ({ origin, sequence }: Entry): string => `${origin}:${sequence}`

/**
 * Puts entries into TRAIL behind `place`, many in flight. The expected sequence alone is no fence then: when somebody
 * else takes the first place, the second of ours would fit behind theirs, and stand before our first. So each but the
 * first expects ours before it, by its id.
 * @returns false when any was refused, or nothing is known of it; none is stored behind one that was refused
 */
export async function publishAll(bus: Bus, entries: readonly Entry[], place: number): Promise<boolean> {
  const acks = await Promise.allSettled(
    entries.map(async (item, at) => {
      const before = entries[at - 1]
      const ack = await bus.js.publish(`credence.trail.${item.subject}`, item.entry, {
        msgID: idOf(item),
        timeout: BUS_TIMEOUT_MS,
        expect: { streamName: 'TRAIL', lastSequence: place + at, ...(before ? { lastMsgID: idOf(before) } : {}) },
      })
      return !ack.duplicate && ack.seq === place + at + 1
    }),
  )
  return acks.every((ack) => ack.status === 'fulfilled' && ack.value)
}
