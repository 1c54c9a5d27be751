/** Whatever an API server may answer: recorded answers of a real one, and those bent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubernetesSat as appraiser } from '../../domain/kinds/kubernetes-sat.ts'
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

const YES = recorded.reviews.projected as { status: { user: { extra: Record<string, string[]> } } }
const POD = recorded.pods.running.body
const review = (json: unknown, status = 201): Behaviour => ({ status, json })
const pod = (json: unknown, status = 200): Behaviour => ({ status, json })
const genuine = { review: review(YES), pod: pod(POD) }
/** The recorded answer, bent. */
const yes = (part: object) => review({ ...YES, status: { ...YES.status, ...part } })
const user = (part: object) => yes({ user: { ...YES.status.user, ...part } })
const extra = (part: object) => user({ extra: { ...YES.status.user.extra, ...part } })
const KEY = 'authentication.kubernetes.io'
const podWith = (part: Record<string, object>) =>
  pod({
    ...POD,
    ...Object.fromEntries(
      Object.entries(part).map(([name, more]) => [name, { ...POD[name as keyof typeof POD], ...more }]),
    ),
  })
const container = (imageID: string, state: object = { running: {} }) => ({ name: 'x', imageID, state })
const images = (...containerStatuses: object[]) => podWith({ status: { containerStatuses } })
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

type Refusal = [refused: string, name: string, part: Partial<typeof genuine>]
const refusals: Refusal[] = [
  // TokenReview, as recorded and bent.
  [
    'review_not_authenticated',
    'the pod was deleted a while ago (recorded)',
    { review: review(recorded.reviews.pod_gone) },
  ],
  [
    'review_not_authenticated',
    'another pod has its name (recorded)',
    { review: review(recorded.reviews.pod_replaced) },
  ],
  ['review_not_authenticated', 'it is for others (recorded)', { review: review(recorded.reviews.for_others) }],
  ['review_not_authenticated', 'the cluster says no', { review: yes({ authenticated: false }) }],
  ['review_not_authenticated', 'the cluster says yes, and an error', { review: yes({ error: 'no' }) }],
  ['review_other_audience', 'the audiences are empty', { review: yes({ audiences: [] }) }],
  ['review_other_audience', 'the API server knows of no audiences', { review: yes({ audiences: undefined }) }],
  ['review_other_audience', 'the audiences are others', { review: yes({ audiences: [recorded.issuer] }) }],
  [
    'review_other_account',
    'the user is another account',
    { review: user({ username: 'system:serviceaccount:agents:admin' }) },
  ],
  ['review_other_account', 'the account was made anew', { review: user({ uid: 'another' }) }],
  ['review_other_account', 'there is no user', { review: yes({ user: undefined }) }],
  ['review_other_pod', 'the pod has another uid', { review: extra({ [`${KEY}/pod-uid`]: ['another'] }) }],
  ['review_other_pod', 'the pod has another name', { review: extra({ [`${KEY}/pod-name`]: ['another'] }) }],
  ['review_other_pod', 'two pods are named', { review: extra({ [`${KEY}/pod-uid`]: [POD.metadata.uid, 'another'] }) }],
  [
    'review_other_pod',
    'no pod is named (recorded: bound to a node)',
    { review: review(recorded.reviews.bound_to_node) },
  ],
  ['review_other_node', 'the node is another', { review: extra({ [`${KEY}/node-name`]: ['worker-2'] }) }],
  ['review_other_node', 'the node was made anew', { review: extra({ [`${KEY}/node-uid`]: ['another'] }) }],
  // The pod, as recorded and bent.
  [
    'pod_gone',
    'the pod is gone, while the cluster still says yes (recorded)',
    { review: review(recorded.reviews.pod_just_gone), pod: pod(recorded.pods.gone.body, 404) },
  ],
  [
    'pod_other',
    'another pod has its name, while the cluster still says yes (recorded)',
    { pod: pod(recorded.pods.replaced.body) },
  ],
  ['pod_other', 'the pod is of another namespace', { pod: podWith({ metadata: { namespace: 'kube-system' } }) }],
  [
    'pod_other_account',
    'the pod runs under another account',
    { pod: podWith({ spec: { serviceAccountName: 'admin' } }) },
  ],
  [
    'pod_terminating',
    'the pod is being deleted',
    { pod: podWith({ metadata: { deletionTimestamp: '2026-11-25T00:00:00Z' } }) },
  ],
  ['pod_not_running', 'the pod has succeeded (recorded)', { pod: pod(recorded.pods.ended.body) }],
  ['pod_not_running', 'the pod waits', { pod: podWith({ status: { phase: 'Pending' } }) }],
  ['pod_other_node', 'the pod is on another node', { pod: podWith({ spec: { nodeName: 'worker-2' } }) }],
  ['pod_other_node', 'the pod is on no node', { pod: podWith({ spec: { nodeName: undefined } }) }],
  [
    'debug_evidence',
    'a debug container was let in',
    { pod: podWith({ spec: { ephemeralContainers: [{ name: 'debugger' }] } }) },
  ],
  [
    'debug_evidence',
    'a debug container ran in it',
    { pod: podWith({ status: { ephemeralContainerStatuses: [container('x', {})] } }) },
  ],
  [
    'pod_images_unknown',
    'one image has no digest',
    { pod: images(container(`a@sha256:${AGENT}`), container('a:latest')) },
  ],
  ['pod_images_unknown', 'a digest only ends like one', { pod: images(container(`a@xsha256:${AGENT}`)) }],
  ['pod_images_unknown', 'nothing runs in it', { pod: images(container(`a@sha256:${AGENT}`, { waiting: {} })) }],
  [
    'pod_images_unknown',
    'too many images run in it',
    { pod: images(...Array.from({ length: 65 }, (_, at) => container(`a@sha256:${String(at).padStart(64, '0')}`))) },
  ],
  // No answer.
  ['review_unavailable', 'our credential is not known', { review: review({ kind: 'Status' }, 401) }],
  ['review_unavailable', 'we may not ask', { review: review({ kind: 'Status' }, 403) }],
  ['review_unavailable', 'the server fails', { review: review({}, 500) }],
  ['review_unavailable', 'we may not see the pod', { pod: pod({ kind: 'Status' }, 403) }],
  ['review_unavailable', 'the server fails at the pod', { pod: pod({}, 503) }],
  ['review_unavailable', 'the answer is no JSON', { review: { status: 201, text: 'yes' } }],
  ['review_unavailable', 'the answer is empty', { review: { status: 201, text: '' } }],
  ['review_unavailable', 'the answer is another object', { review: review(POD) }],
  ['review_unavailable', 'yes is written as text', { review: yes({ authenticated: 'true' }) }],
  [
    'review_unavailable',
    'the answer says two things',
    {
      review: {
        status: 201,
        text: JSON.stringify(YES).replace('"authenticated":true', '"authenticated":false,"authenticated":true'),
      },
    },
  ],
  ['review_unavailable', 'the pod is another object', { pod: pod(YES) }],
  ['review_unavailable', 'the pod is a list', { pod: pod({ kind: 'PodList', apiVersion: 'v1', items: [POD] }) }],
  [
    'review_unavailable',
    'the answer is huge',
    { review: (_, response) => void response.writeHead(201).end(Buffer.alloc(4 * 1024 * 1024, ' ')) },
  ],
  [
    'review_unavailable',
    'the pod is huge',
    { pod: (_, response) => void response.writeHead(200).end(Buffer.alloc(4 * 1024 * 1024, ' ')) },
  ],
  ['review_unavailable', 'the connection breaks', { review: (request) => void request.socket.destroy() }],
  [
    'review_unavailable',
    'the answer breaks off',
    {
      review: (_, response) =>
        void response.writeHead(201, { 'content-length': '9999' }).write('{', () => response.destroy()),
    },
  ],
  ['review_unavailable', 'no answer comes', { review: () => undefined }],
  ['review_unavailable', 'the pod does not come', { pod: () => undefined }],
  ['review_unavailable', 'the answer drips', { review: (_, response) => drip(response) }],
]

function drip(response: { write(text: string): void; on(event: 'close', then: () => void): void }): void {
  const timer = setInterval(() => response.write(' '), 20)
  response.on('close', () => clearInterval(timer))
}

describe('a token is refused, and never taken on the keys alone, when', () => {
  it.each(refusals)('%s: %s', async (refused, _, part) => {
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
