/** Characters; a guess costs a second, so what few words hold takes long, and what four digits hold takes hours. */
export const shortestPassphrase = 8
