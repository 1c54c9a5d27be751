/** Something could not be measured. The message is for people: what is wrong with which file, and what to do. */
export class MeasureError extends Error {
  /** Stable: `file_missing`, `file_unreadable`, `not_a_file`, `file_changing`, … */
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MeasureError'
    this.code = code
  }
}

/** A system error about a path, said in words. */
export function unreadable(path: string, error: unknown): MeasureError {
  if (error instanceof MeasureError) return error
  const { code = 'unknown' } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new MeasureError('file_missing', `${path} is not there. Was it moved, or deleted?`, { cause: error })
  if (code === 'EACCES' || code === 'EPERM')
    return new MeasureError('file_unreadable', `${path} may not be read by this user (${code}).`, { cause: error })
  if (code === 'ELOOP')
    return new MeasureError('not_a_file', `${path} is a symbolic link that leads round in a circle.`, { cause: error })
  return new MeasureError('file_unreadable', `${path} cannot be read (${code}).`, { cause: error })
}
