/** What the agent says of itself: the weakest kind. It can show that something is wrong, and little else. */
import type { Composition } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import {
  CONFIGURATION_APPROVED,
  CONFIGURATION_UNSUPPORTABLE,
  EXECUTABLES_APPROVED,
  EXECUTABLES_CONTRAINDICATED,
  FILES_APPROVED,
  FILES_CONTRAINDICATED,
  INSTANCE_RECOGNISED,
  STORAGE_SOFTWARE_KEYS,
} from '../ar4si.ts'
import type { About, KindAppraiser } from './kind.ts'

const PARTS = ['program', 'prompt', 'tool_manifest', 'model'] as const

export const software: KindAppraiser<'software'> = {
  kind: 'software',
  appraise: ({ composition: measured }, about) => {
    const differs = registeredOtherwise(measured, about.agent)
    const approved = approvedComposition(measured, about.references)
    const compositions = about.references.flatMap(({ value }) => (value.type === 'composition' ? [value] : []))
    // Where the profile does not ask for it, others vouch for what is approved; here it can only contradict.
    const mustBeApproved = about.asked.has('software')
    const unknown = PARTS.filter(
      (part) => mustBeApproved && !compositions.some((value) => value[part] === measured[part]),
    )
    const bad = (part: (typeof PARTS)[number]) => unknown.includes(part) || differs.includes(part)
    return {
      vector: {
        'instance-identity': INSTANCE_RECOGNISED,
        configuration: bad('prompt') || bad('tool_manifest') ? CONFIGURATION_UNSUPPORTABLE : CONFIGURATION_APPROVED,
        executables: bad('program') ? EXECUTABLES_CONTRAINDICATED : EXECUTABLES_APPROVED,
        'file-system': bad('model') ? FILES_CONTRAINDICATED : FILES_APPROVED,
        'storage-opaque': STORAGE_SOFTWARE_KEYS,
      },
      faults: [
        ...unknown.map((part) => `${part}_unknown`),
        ...differs.map((part) => `${part}_not_as_registered`),
        // Every part may be known, and still nobody approved them together.
        ...(approved || !mustBeApproved ? [] : ['composition_not_approved']),
      ],
      notes: ['self_measured'],
      references: approved ? [approved] : [],
      digests: PARTS.map((part) => measured[part]),
    }
  },
  unmet: () => [],
  reasons: {
    evidence_malformed: 'The statement is not a JWS of its type with exactly its claims.',
    signature_invalid: 'The statement was not signed by the key of the agent.',
    other_agent: 'The statement names another agent.',
    other_audience: 'The statement was made for somebody else.',
    other_purpose: 'The statement was made for another purpose.',
    nonce_mismatch: 'The statement answers another challenge.',
    binding_invalid: 'The statement is not bound to this challenge, key and audience.',
    evidence_too_large: 'The statement is larger than a statement may be.',
    evidence_expired: 'The statement is too old.',
    evidence_not_yet_valid: 'The statement is from the future.',
    pieces_not_as_stated: 'The pieces that were sent are not exactly those that the statement names.',
    program_unknown: 'No approved composition has this program.',
    prompt_unknown: 'No approved composition has this prompt.',
    tool_manifest_unknown: 'No approved composition has this tool manifest.',
    model_unknown: 'No approved composition has this model.',
    prompt_not_as_registered: 'The prompt is not the one that the agent was registered with.',
    tool_manifest_not_as_registered: 'The tool manifest is not the one that the agent was registered with.',
    model_not_as_registered: 'The model is not the one that the agent was registered with.',
    composition_not_approved: 'Nobody approved this program, prompt, tool manifest and model together.',
    self_measured: 'The agent measured itself: nothing outside it vouches for that.',
  },
}

/** The reference value that approves exactly this composition. */
export const approvedComposition = (measured: Composition, references: About['references']): string | undefined =>
  references.find(({ value }) => value.type === 'composition' && PARTS.every((part) => value[part] === measured[part]))
    ?.reference

/** Parts that the agent was registered with, and does not run on. */
export const registeredOtherwise = (measured: Composition, agent: Agent): (typeof PARTS)[number][] =>
  PARTS.filter((part) => {
    if (part === 'prompt') return measured.prompt !== agent.prompt_digest
    if (part === 'tool_manifest') return measured.tool_manifest !== agent.tool_manifest_digest
    return part === 'model' && measured.model !== agent.model.digest
  })
