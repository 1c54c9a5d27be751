/** Authorization API 1.0 §pdp-metadata. What has no value is left out. */
import type { Parts } from './parts.ts'
import { OBLIGATIONS } from './read.ts'

export const PATHS = {
  evaluation: '/access/v1/evaluation',
  evaluations: '/access/v1/evaluations',
  searchSubject: '/access/v1/search/subject',
  searchResource: '/access/v1/search/resource',
  searchAction: '/access/v1/search/action',
  requests: '/access/v1/requests',
  metadata: '/.well-known/authzen-configuration',
  openapi: '/openapi.json',
} as const

export const metadataOf = ({ url, requestEndpoint }: Pick<Parts, 'url' | 'requestEndpoint'>): object => ({
  policy_decision_point: url,
  access_evaluation_endpoint: `${url}${PATHS.evaluation}`,
  access_evaluations_endpoint: `${url}${PATHS.evaluations}`,
  search_subject_endpoint: `${url}${PATHS.searchSubject}`,
  search_resource_endpoint: `${url}${PATHS.searchResource}`,
  search_action_endpoint: `${url}${PATHS.searchAction}`,
  supported_obligations: OBLIGATIONS,
  ...(requestEndpoint === undefined
    ? {}
    : {
        access_request_endpoint: requestEndpoint,
        capabilities: ['urn:openid:authzen:capability:access-request'],
      }),
})
