/** What clusters sign and answer: by what a real API server did (infra/interop/kubernetes/recorded.json). */
import { readClusterKeys } from '@credence/contracts/attestation/cluster-keys'
import { readPod } from '../../../services/attestation/src/adapters/kubernetes/pod.ts'
import { tokenReviewFault } from '../../../services/attestation/src/adapters/kubernetes/token-review.ts'
import { createKubernetesSat } from '../../../services/attestation/src/adapters/verifiers/kubernetes-sat/kubernetes-sat.ts'
import { readToken, type Token } from '../../../services/attestation/src/adapters/verifiers/kubernetes-sat/token.ts'
import { kubernetesSat } from '../../../services/attestation/src/domain/kinds/kubernetes-sat.ts'
import { evidenced } from '../../../services/attestation/src/testing/kubernetes-tokens.ts'
import { anchorOf, RECORDED_AT, recorded } from '../../../services/attestation/src/testing/recorded-cluster.ts'
import { jws, plain } from '../genuine.ts'
import { answer, type Subject, verified } from '../subject.ts'

const { tokens, elliptic, keys, reviews, pods, audience } = recorded
const binding = Buffer.from(recorded.binding, 'base64url')
const json = (value: object) => plain(JSON.stringify(value), 'json')
const parsed = (input: Buffer): unknown => {
  try {
    return JSON.parse(input.toString())
  } catch {
    return undefined
  }
}

export function kubernetesSubjects(): Subject[] {
  const { claims } = readToken(Buffer.from(tokens.projected)) as Token
  const told = evidenced({
    now: new Date(RECORDED_AT.getTime() + 60_000),
    anchors: [anchorOf(recorded), anchorOf({ ...recorded, keys: elliptic.keys })],
    binding,
  })
  const verifier = createKubernetesSat(() => undefined)
  const others = [tokens.for_others, tokens.for_a_year, tokens.bound_to_node, tokens.bound_to_nothing].map((one) =>
    jws(one),
  )
  const good = [tokens.projected, tokens.bound_to_challenge, elliptic.token].map((one) => jws(one))
  return [
    {
      name: 'kubernetes: token',
      share: 2,
      genuine: good,
      donors: others,
      signed: false,
      judge: (input) => answer(readToken(input)),
    },
    {
      name: 'kubernetes-sat',
      share: 3,
      genuine: good,
      donors: others,
      signed: true,
      judge: async (input) => verified(await verifier.verify(input, told)),
      reasons: kubernetesSat.reasons,
    },
    {
      name: 'kubernetes: cluster keys',
      share: 1,
      genuine: [json(keys), json(elliptic.keys)],
      signed: false,
      judge: (input) => answer(readClusterKeys(input.toString())),
    },
    {
      name: 'kubernetes: token review',
      share: 1,
      genuine: [json(reviews.projected)],
      donors: Object.values(reviews).map(json),
      signed: false,
      judge: (input) => tokenReviewFault(parsed(input), claims, audience) ?? { said: 'confirmed' },
    },
    {
      name: 'kubernetes: pod',
      share: 1,
      genuine: [json(pods.running.body)],
      donors: Object.values(pods).map(({ body }) => json(body)),
      signed: false,
      judge: (input) => answer(readPod(parsed(input), claims)),
    },
  ]
}
