/** Whatever an API server may answer: recorded answers of a real one, and those bent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubernetesSat as appraiser } from '../../domain/kinds/kubernetes-sat.ts'
import { container, genuine, oddAnswers, POD, podWith, YES } from '../../testing/api-answers.ts'
import { type Behaviour, startApiServer } from '../../testing/api-server.ts'
import { evidenced } from '../../testing/kubernetes-tokens.ts'
import { anchorOf, RECORDED_AT, recorded } from '../../testing/recorded-cluster.ts'
import { createKubernetesSat } from '../verifiers/kubernetes-sat/kubernetes-sat.ts'
import type { ClusterAccess } from './clusters.ts'
import { createReviews } from './review.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-review-'))
const SOON_MS = 300
let server: Awaited<ReturnType<typeof startApiServer>>
let elsewhere: typeof server
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  server = await startApiServer(join(folder, 'one'))
  elsewhere = await startApiServer(join(folder, 'other'))
})
afterAll(async () => {
  for (const close of closing) await close()
  await server.close()
  await elsewhere.close()
  rmSync(folder, { recursive: true, force: true })
})

function verifier(access: ClusterAccess = server.access, withinMs?: number) {
  const reviews = createReviews(new Map([[recorded.issuer, access]]), withinMs)
  closing.push(reviews.close)
  return createKubernetesSat(reviews.reviewOf)
}
const verify = (kind = verifier(), token: string = recorded.tokens.projected) =>
  kind.verify(
    new TextEncoder().encode(token),
    evidenced({ now: RECORDED_AT, anchors: [anchorOf(recorded)], binding: Buffer.from(recorded.binding, 'base64url') }),
  )

const [AGENT, HELPER] = ['1', '2'].map((digit) => digit.repeat(64))

describe('a token that its cluster has reviewed', () => {
  it('says so, with the images of its pod, as of now', async () => {
    server.answers(genuine)
    expect(await verify()).toMatchObject({
      claims: { reviewed: true, image_digests: [AGENT, HELPER], node: 'worker-1', pod_uid: POD.metadata.uid },
      measuredAt: RECORDED_AT,
    })
  })

  it('was asked for with our audience, and with a credential that is read anew each time', async () => {
    server.answers(genuine)
    const kind = verifier()
    await verify(kind)
    writeFileSync(server.tokenFile, 'renewed\n')
    await verify(kind)
    expect(server.asked.map(({ method, path, authorization }) => [method, path, authorization])).toEqual([
      ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', 'Bearer reviewer-token'],
      ['GET', '/api/v1/namespaces/agents/pods/meeting-scheduler', 'Bearer reviewer-token'],
      ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', 'Bearer renewed'],
      ['GET', '/api/v1/namespaces/agents/pods/meeting-scheduler', 'Bearer renewed'],
    ])
    expect(JSON.parse(server.asked[0]?.body ?? '')).toMatchObject({
      spec: { token: recorded.tokens.projected, audiences: [recorded.audience] },
    })
  })

  it('is not shown to the cluster when its keys did not sign it', async () => {
    server.answers(genuine)
    await verify(verifier(), recorded.tokens.for_others)
    await verify(verifier(), `${recorded.tokens.projected.slice(0, -8)}AAAAAAAA`)
    expect(server.asked).toEqual([])
  })

  it('counts every image that runs, however the runtime writes it, and none that has ended', async () => {
    server.answers({
      ...genuine,
      pod: podWith({
        status: {
          containerStatuses: [
            container(`docker-pullable://a@sha256:${'a'.repeat(64)}`),
            container(`sha256:${'c'.repeat(64)}`),
          ],
          initContainerStatuses: [
            container(`side@sha256:${'b'.repeat(64)}`),
            container(`done@sha256:${'d'.repeat(64)}`, { terminated: {} }),
          ],
        },
      }),
    })
    const digests = ['a', 'b', 'c'].map((digit) => digit.repeat(64))
    expect(await verify()).toHaveProperty('claims.image_digests', digests)
  })

  it('is taken on the keys alone only where the cluster cannot be asked at all', async () => {
    server.answers(genuine)
    const other = createReviews(new Map([['https://another.example', server.access]]))
    closing.push(other.close)
    expect(await verify(createKubernetesSat(other.reviewOf))).toHaveProperty('claims.reviewed', false)
    expect(server.asked).toEqual([])
  })
})

describe('a token is refused, and never taken on the keys alone, when', () => {
  it.each(oddAnswers)('%s: %s', async (refused, _, part) => {
    server.answers({ ...genuine, ...part })
    const outcome = await verify(verifier(server.access, refused === 'review_unavailable' ? SOON_MS : undefined))
    expect(outcome).toMatchObject({ refused })
    expect(appraiser.reasons).toHaveProperty(refused)
    expect(JSON.stringify(outcome)).not.toContain(recorded.tokens.projected)
  })

  it.each([301, 302, 307, 308])('a redirect (%i), which is not followed', async (status) => {
    elsewhere.answers(genuine)
    const headers = { location: `${elsewhere.url}/apis/authentication.k8s.io/v1/tokenreviews` }
    server.answers({ ...genuine, review: { status, headers, json: YES } })
    expect(await verify()).toMatchObject({ refused: 'review_unavailable' })
    expect(elsewhere.asked).toEqual([])
  })

  it('the API server’s certificate is by another authority', async () => {
    server.answers(genuine)
    const outcome = await verify(verifier({ ...server.access, ca_file: elsewhere.access.ca_file }))
    expect(outcome).toMatchObject({ refused: 'review_unavailable' })
    expect(server.asked).toEqual([])
  })

  it('an answer has no end: it is cut while it comes', async () => {
    const endless: Behaviour = (_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(64 * 1024, ' ')));
      }
      response.on('drain', more).writeHead(201)
      more()
    }
    server.answers({ ...genuine, review: endless })
    expect(await verify()).toEqual({
      refused: 'review_unavailable',
      detail: 'the API server sent too large an answer',
    })
  })

  it('nobody listens', async () =>
    expect(await verify(verifier({ ...server.access, server: 'https://127.0.0.1:1' }))).toMatchObject({
      refused: 'review_unavailable',
    }))

  it('our credential is not there', async () => {
    const outcome = await verify(verifier({ ...server.access, token_file: join(folder, 'none') }))
    expect(outcome).toMatchObject({ refused: 'review_unavailable' })
  })

  it('two seconds are over, for both questions together', async () => {
    const slowly =
      (json: unknown, status: number): Behaviour =>
      (_, response) =>
        void setTimeout(() => response.writeHead(status).end(JSON.stringify(json)), 1_200)
    server.answers({ review: slowly(YES, 201), pod: slowly(POD, 200) })
    const began = performance.now()
    expect(await verify()).toEqual({
      refused: 'review_unavailable',
      detail: 'the API server did not answer in time',
    })
    expect(performance.now() - began).toBeLessThan(2_400)
  })
})
