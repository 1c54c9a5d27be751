/** Every parser of evidence and of trust material. */
import type { Subject } from '../subject.ts'
import { anchorSubjects } from './anchors.ts'
import { bundleSubjects } from './bundles.ts'
import { kubernetesSubjects } from './kubernetes.ts'
import { manifestsSubjects } from './manifests.ts'
import { spiffeSubjects } from './spiffe.ts'
import { tpmSubjects } from './tpm.ts'

export const allSubjects = (): Subject[] => [
  ...tpmSubjects(),
  ...kubernetesSubjects(),
  ...spiffeSubjects(),
  ...bundleSubjects(),
  ...manifestsSubjects(),
  ...anchorSubjects(),
]
