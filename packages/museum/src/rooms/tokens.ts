/**
 * The tokens of the rooms. A token names steps of a schedule, so it fits the code it was made with: written anew by `node scripts/museum-tokens.mjs`.
 */
export const TOKENS = {
  d01: 'sl1.kCPXqijy737tO2VQ6OhvfQABAAEAAA',
  d02: 'sl1.UAJgtTGWukTtO2VQittpvAAA',
  d03: 'sl1.RKgzb5dN4yc35gOdveUL4wMAAQEBICEAAA',
  d04: 'sl1.KguY1ej0Api8SwgkaGnN_gIABAGlAQKrZA',
  d05: 'sl1.euVyZPTkqis5HpaR_fjWWAACAAEAABAAZcI',
  d13: 'sl1.7aEUmm6i9TLtO2VQj0O5mgABAAEAAA',
  d14: 'sl1.G-ihr1-RmY3tO2VQQQHJNQABAAEAAA',
  d17: 'sl1.RiNyHgJU8pvtO2VQK6yrKwAOAgExqwIAt0IAAZ6pAADFcAABC6gAAGnIAAEr5QAA-2MAAXvfBgAVmgEBGCEDAKmRAAGeJAIA690',
  d28: 'sl1.5O9dK13hy-ProlbMl7lJPQIEBAEKAeFi',
  c01: 'sl1.2rB76vSSXxtpUuq-QzwQPAABRAGQdA',
  c02: 'sl1.TU2GKQDCyKk-1LB_hKKqBAAA',
  canary: 'sl1.p_DmAc7QbxHtO2VQ5JO08QABAgF4FQ',
} as const;
