/**
 * Envoy's external authorization (`envoy.service.auth.v3`, gRPC): what the route says that a request means, who sends it
 * by a token that is verified here, and a decision like any other.
 */
import { AuthorizationService, type CheckResponse } from '@credence/contracts/gen/envoy/service/auth/v3/external_auth'
import { type Problem, problemOf, resourceMetadataOf, unsure } from '@credence/shared/access-token/problem'
import { KeysUnavailable, TokenRefused } from '@credence/shared/access-token/refusal'
import type { VerifyAccessToken } from '@credence/shared/access-token/verify'
import type { Caller } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { method, type Service, service } from '@credence/shared/rpc/server'
import type { Ask, Asked } from '../ask.ts'
import { answered, closed, refused } from './answers.ts'
import { type Arguments, type BodyFault, readArguments } from './body.ts'
import { matchRequest } from './path.ts'
import { type Asking, askingOf, CheckInput } from './request.ts'
import { type Route, readRoute, resourceIdOf } from './route.ts'

export type ExtAuthzContext = { ask: Ask; verifyAccessToken: VerifyAccessToken }

/** envoy.service.auth.v3.Authorization, on the listener for workloads. */
export const extAuthzService = (context: ExtAuthzContext): Service =>
  service({
    definition: AuthorizationService,
    name: 'envoy.service.auth.v3.Authorization',
    methods: extAuthzMethods(context),
  })

const extAuthzMethods = (context: ExtAuthzContext) => ({
  check: method({
    allow: ['enforcement-point'],
    input: CheckInput,
    foreign: { answerTo: closed },
    handle: (input, caller, call) => inTime(call.deadline, check(context, askingOf(input), input, caller)),
  }),
})

async function check(
  { ask, verifyAccessToken }: ExtAuthzContext,
  asking: Asking,
  input: CheckInput,
  caller: Caller,
): Promise<CheckResponse> {
  const route = readRoute(input.attributes.contextExtensions)
  if (!route) return refused(NOT_DESCRIBED)
  const resourceMetadata = resourceMetadataOf(route.audience)
  const meant = meaningOf(asking, route)
  if ('status' in meant) return refused(meant)

  const { method, path, certificate } = asking
  const shown = {
    method,
    url: new URL(route.origin + path.replace(/\?.*$/s, '')),
    authorization: asking.header('authorization'),
    dpop: asking.header('dpop'),
    certificate,
  }
  const token = await verifyAccessToken(shown, route.audience).catch((error: unknown) => {
    if (error instanceof TokenRefused || error instanceof KeysUnavailable)
      return { ...problemOf(error), resourceMetadata }
    throw error
  })
  if ('status' in token) return refused(token)

  const asker = { id: caller.id, address: caller.address ?? '', protocol: 'ext_authz' as const }
  const asked = { ...meant, agentId: token.agentId, grantId: token.grantId, tokenId: token.tokenId }
  return answered(await ask(asked, asker), token, route, resourceMetadata)
}

type Meant = Omit<Asked, 'agentId' | 'grantId' | 'tokenId'>

/** What the request means, before anybody knows whose it is. */
function meaningOf(asking: Asking, route: Route): Meant | Problem {
  if (OVERRIDES.some((name) => asking.header(name).length > 0)) return bad('method_override')
  const match = matchRequest(route.request, asking.method, asking.path)
  if ('fault' in match) return bad(match.fault)
  const read: Partial<Arguments> | { fault: BodyFault } = route.readsBody ? readArguments(asking, route) : {}
  if ('fault' in read) return bad(read.fault)
  return {
    ...read,
    action: route.action,
    resource: { ...route.resource, id: resourceIdOf(route, match.names) },
    audience: route.audience,
    sourceAddress: asking.sourceAddress,
    requestId: asking.id || newId('req'),
    notBefore: [],
    supportedObligations: route.obligations,
    receipt: false,
  }
}

/** By these some upstreams are told another method or path than the one that is decided on. */
const OVERRIDES = [
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
]

const NOT_DESCRIBED: Problem = {
  status: 403,
  code: 'no_operation',
  detail: 'The route says nothing, or not all, of what its requests mean: it lets nothing through.',
}

const bad = (code: keyof typeof SENTENCES): Problem => ({ ...SENTENCES[code], code })

const SENTENCES = {
  method_override: { status: 400, detail: 'A header names another method or path than the request line.' },
  path_ambiguous: { status: 400, detail: 'The path can be read in more than one way; send it in its plain form.' },
  other_method: { status: 403, detail: 'The route is not described for this method.' },
  other_path: { status: 403, detail: 'The route is not described for this path.' },
  body_partial: { status: 413, detail: 'The arguments are in the body, and not all of it reached the decision point.' },
  body_unreadable: { status: 400, detail: 'The body must be one JSON object in UTF-8, with no name twice.' },
  amount_unreadable: { status: 400, detail: 'The amount must be {"currency": text, "value": text}.' },
} satisfies Record<string, Pick<Problem, 'status' | 'detail'>>

/** How much of the time that Envoy gives is ours, and how long a question may take when it gives none. */
const OURS = 0.8
const UNSAID_MS = 1_500
const MOST_MS = 10_000

/** Answers before Envoy gives up: its time-out would be an error, and an error may open. */
async function inTime(deadline: number, work: Promise<CheckResponse>): Promise<CheckResponse> {
  const late = refused(unsure('no_decision', 'There was no recorded decision in time.'))
  const ours = Number.isFinite(deadline) ? Math.max(0, (deadline - Date.now()) * OURS) : UNSAID_MS
  let timer: NodeJS.Timeout | undefined
  const waiting = new Promise<CheckResponse>((resolve) => {
    timer = setTimeout(resolve, Math.min(ours, MOST_MS), late)
  })
  return Promise.race([work, waiting]).finally(() => clearTimeout(timer))
}
