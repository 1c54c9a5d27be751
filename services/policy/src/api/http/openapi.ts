/**
 * The OpenAPI 3.1 document of this listener, as it is published. Its schemas say what `read.ts` checks by hand; tests hold
 * one against the other, and the whole document against what is served.
 */
import { MAX_EVALUATIONS } from './evaluations.ts'
import { PATHS } from './metadata.ts'
import { MAX_LIMIT } from './page.ts'
import type { Parts } from './parts.ts'
import { schemas } from './schemas.ts'

const ref = (name: keyof typeof schemas) => ({ $ref: `#/components/schemas/${name}` })
const json = (schema: object, example?: object) => ({
  'application/json': { schema, ...(example ? { example } : {}) },
})

const requestId = { 'X-Request-ID': { $ref: '#/components/headers/RequestId' } }

const REFUSALS = {
  '400': { $ref: '#/components/responses/BadRequest' },
  '401': { $ref: '#/components/responses/NotAuthenticated' },
  '403': { $ref: '#/components/responses/NotPermitted' },
  '413': { $ref: '#/components/responses/TooLarge' },
  '503': { $ref: '#/components/responses/Unavailable' },
}

const HEADERS = [
  {
    name: 'X-Request-ID',
    in: 'header',
    required: false,
    description:
      'When it is printable ASCII of at most 128 characters, it comes back in the answer, and stands in the record.',
    schema: { type: 'string' },
  },
  {
    name: 'Credence-Details',
    in: 'header',
    required: false,
    description: 'The same as `context.credence_details`.',
    schema: { type: 'string', examples: ['true'] },
  },
]

type About = { id: string; summary: string; request: keyof typeof schemas; answer: object; example: object }

const post = ({ id, summary, request, answer, example }: About) => ({
  post: {
    operationId: id,
    summary,
    parameters: HEADERS,
    requestBody: { required: true, content: json(ref(request), example) },
    responses: {
      '200': { description: 'The answer.', headers: requestId, content: json(answer) },
      ...REFUSALS,
    },
  },
})

const agent = { type: 'agent', id: 'agt_01jd0000000000000000000001' }
const action = { name: 'calendar.book' }
const resource = { type: 'CalendarEvent', id: '2026/11', properties: { sensitivity: 'internal' } }
const context = {
  grant_id: 'grt_01jd0000000000000000000001',
  token_id: 'the jti of the access token',
  audience: 'https://calendar.acme.example',
  source_address: '192.0.2.7',
}

/** @returns the document; the same for the same base URL */
export const openApiOf = ({ url, requestEndpoint }: Pick<Parts, 'url' | 'requestEndpoint'>): object => ({
  openapi: '3.1.0',
  info: {
    title: 'Credence decision point',
    version: '1.0.0',
    description:
      'AuthZEN Authorization API 1.0 for enforcement points: may this agent do this, now, under this grant? A denial is 200 with `"decision": false`; every other status says that nothing was decided.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url }],
  security: [{ bearer: [] }, { certificate: [] }],
  paths: {
    [PATHS.evaluation]: post({
      id: 'evaluate',
      summary: 'One decision, recorded before it is answered.',
      request: 'EvaluationRequest',
      answer: ref('Decision'),
      example: { subject: agent, action, resource, context },
    }),
    [PATHS.evaluations]: post({
      id: 'evaluateAll',
      summary: `At most ${MAX_EVALUATIONS} decisions in one request, each recorded.`,
      request: 'EvaluationsRequest',
      answer: { anyOf: [ref('Decisions'), ref('Decision')] },
      example: {
        subject: agent,
        context,
        action,
        evaluations: [{ resource }, { resource: { ...resource, id: '2026/12' } }],
      },
    }),
    [PATHS.searchSubject]: post({
      id: 'searchSubjects',
      summary: 'Agents that may do this on this resource now, under a live grant.',
      request: 'SubjectSearchRequest',
      answer: ref('SubjectResults'),
      example: { subject: { type: 'agent' }, action, resource, context: { audience: context.audience } },
    }),
    [PATHS.searchResource]: post({
      id: 'searchResources',
      summary: 'Resources that live grants of this agent name one by one, on which it may do this now.',
      request: 'ResourceSearchRequest',
      answer: ref('ResourceResults'),
      example: { subject: agent, action, resource: { type: resource.type }, context },
    }),
    [PATHS.searchAction]: post({
      id: 'searchActions',
      summary: 'What this agent may do on this resource now.',
      request: 'ActionSearchRequest',
      answer: ref('ActionResults'),
      example: { subject: agent, resource, context },
    }),
    ...(requestEndpoint === undefined ? {} : requestPaths()),
    [PATHS.metadata]: {
      get: {
        operationId: 'metadata',
        summary: 'What this decision point offers, and where.',
        security: [],
        responses: { '200': { description: 'Metadata.', content: json(ref('Metadata')) } },
      },
    },
    [PATHS.openapi]: {
      get: {
        operationId: 'openapi',
        summary: 'This document.',
        security: [],
        responses: { '200': { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) } },
      },
    },
  },
  components: {
    schemas,
    headers: { RequestId: { description: 'As it came.', schema: { type: 'string' } } },
    responses: {
      BadRequest: textResponse('The request is not well-formed: one sentence says what is wrong.'),
      NotAuthenticated: {
        ...textResponse('The enforcement point did not prove who it is.'),
        headers: { 'WWW-Authenticate': { required: true, schema: { type: 'string' } } },
      },
      NotPermitted: textResponse('Who asks is known, and is no enforcement point.'),
      TooLarge: textResponse('The body is too large.'),
      Unavailable: {
        ...textResponse('It could not be decided, or not be recorded: there is no decision. Try again.'),
        headers: { 'Retry-After': { required: true, schema: { type: 'string', pattern: '^[0-9]+$' } } },
      },
    },
    securitySchemes: {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: `A JWT-SVID of this trust domain for the audience ${url}, of a SPIFFE ID with the role enforcement-point.`,
      },
      certificate: { type: 'mutualTLS', description: 'An X.509-SVID of a SPIFFE ID with the role enforcement-point.' },
    },
  },
})

const textResponse = (description: string) => ({
  description,
  headers: requestId,
  content: { 'text/plain': { schema: { type: 'string' } } },
})

const problem = (description: string) => ({
  description,
  headers: requestId,
  content: { 'application/problem+json': { schema: ref('Problem') }, 'text/plain': { schema: { type: 'string' } } },
})

/** Access request profile. */
const requestPaths = () => ({
  [PATHS.requests]: {
    post: {
      operationId: 'requestAccess',
      summary: 'Asks people about a denial that said so (`context.access_request`).',
      parameters: HEADERS,
      requestBody: { required: true, content: json(ref('AccessRequest')) },
      responses: {
        '202': {
          description: 'People are asked.',
          headers: { ...requestId, Location: { required: true, schema: { type: 'string', format: 'uri' } } },
          content: json(ref('AccessTask')),
        },
        ...REFUSALS,
        '400': problem('Not well-formed, not requestable, or not bound to a denial of this request.'),
        '403': problem('Not for this caller.'),
        '404': problem('Nothing of that kind is known.'),
        '409': problem('It cannot be asked any more.'),
        '410': problem('The denial is too old.'),
      },
    },
  },
  [`${PATHS.requests}/{id}`]: {
    get: {
      operationId: 'accessRequest',
      summary: 'How it goes.',
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'string', minLength: 1, maxLength: 128 } },
        ...HEADERS,
      ],
      responses: {
        '200': { description: 'The task.', headers: requestId, content: json(ref('AccessTask')) },
        ...REFUSALS,
        '400': problem('Not an id.'),
        '403': problem('Not for this caller.'),
        '404': problem('There is no such request.'),
      },
    },
  },
})

/** Pages hold at most so many. */
export const PAGE_LIMIT = MAX_LIMIT
