/** Answers of an API server: those that a real one gave, and the same ones bent. */
import type { Behaviour } from './api-server.ts'
import { recorded } from './recorded-cluster.ts'

export const YES = recorded.reviews.projected as { status: { user: { extra: Record<string, string[]> } } }
export const POD = recorded.pods.running.body
const review = (json: unknown, status = 201): Behaviour => ({ status, json })
const pod = (json: unknown, status = 200): Behaviour => ({ status, json })
export const genuine: { review: Behaviour; pod: Behaviour } = { review: review(YES), pod: pod(POD) }
/** The recorded answer, bent. */
const yes = (part: object) => review({ ...YES, status: { ...YES.status, ...part } })
const user = (part: object) => yes({ user: { ...YES.status.user, ...part } })
const extra = (part: object) => user({ extra: { ...YES.status.user.extra, ...part } })
const KEY = 'authentication.kubernetes.io'
export const podWith = (part: Record<string, object>) =>
  pod({
    ...POD,
    ...Object.fromEntries(
      Object.entries(part).map(([name, more]) => [name, { ...POD[name as keyof typeof POD], ...more }]),
    ),
  })
export const container = (imageID: string, state: object = { running: {} }) => ({ name: 'x', imageID, state })
const images = (...containerStatuses: object[]) => podWith({ status: { containerStatuses } })
const AGENT = '1'.repeat(64)

type Refusal = [refused: string, name: string, part: Partial<typeof genuine>]
/** What must come of it, when, and by which answers beside the genuine ones. */
export const oddAnswers: Refusal[] = [
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
