import { readFileSync } from 'node:fs'
import { Usage } from './failure.ts'

/** What a JSON file holds; the service that gets it checks it. */
export function readJson(file: string): never {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as never
  } catch {
    throw new Usage(`${file} cannot be read as JSON.`)
  }
}
