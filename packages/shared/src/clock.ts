/** Where time comes from. Passed in, so that a test can stop it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

/** The same instant, seconds later. */
export const later = (from: Date, seconds: number): Date => new Date(from.getTime() + seconds * 1000)

/** The earliest of some instants. */
export const earliest = (...dates: Date[]): Date => new Date(Math.min(...dates.map((date) => date.getTime())))
