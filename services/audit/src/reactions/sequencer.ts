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

type Waiting = { origin: Origin; sequence: number; subject: string; entry: Buffer; since: number }

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
    let place = trail.follower.position()
    while (queue.length > 0 && !stopped) {
      const batch = queue.slice(0, WINDOW)
      const acks = await Promise.allSettled(batch.map((item) => publish(bus, item, place++)))
      if (acks.some((ack) => ack.status === 'rejected')) return false
      await trail.follower.reached(place, BUS_TIMEOUT_MS * 2)
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

/** @throws when the place is taken, when it is a repetition, or when nothing is known */
async function publish(bus: Bus, { origin, sequence, subject, entry }: Waiting, place: number): Promise<void> {
  const ack = await bus.js.publish(`credence.trail.${subject}`, entry, {
    msgID: `${origin}:${sequence}`,
    timeout: BUS_TIMEOUT_MS,
    expect: { streamName: 'TRAIL', lastSequence: place },
  })
  if (ack.duplicate || ack.seq !== place + 1) throw new Error(`${origin}:${sequence} is in TRAIL already`)
}
