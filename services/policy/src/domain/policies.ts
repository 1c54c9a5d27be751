/** What policies are asked and what they say: the words that the service shares with the command line (packages/policies). */
export * from '@credence/policies/policies'
