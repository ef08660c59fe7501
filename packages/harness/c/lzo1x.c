/*
 * The codec `lzo1x-2010` in C: what `swaplab bench --only codec` holds our own against.
 *
 * Written from the description of the stream format and of the greedy search of 2010, like the TypeScript and AssemblyScript beside it, and under
 * the same licence (MIT). Byte loops as they were in that time; a dictionary of 16384 positions that is emptied before each page, so that
 * the output is a function of the page.
 *
 * Usage: see codec-bench.h.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  PAGE = 4096,
  ROOM = 2 * PAGE,
  ENTRIES = 1 << 14,
  ENTRY_MASK = ENTRIES - 1,
  TAIL = 13,
  M2_FAR = 0x800,
  M3_FAR = 0x4000,
  M4_FAR = 0xbfff,
  OVERRUN_IN = -4,
  OVERRUN_OUT = -5,
  OVERRUN_BACK = -6,
  NO_END = -7,
  NOT_CONSUMED = -8
};

static uint8_t *put_length(uint8_t *out, uint32_t rest) {
  for (; rest > 255; rest -= 255) *out++ = 0;
  *out++ = (uint8_t)rest;
  return out;
}

static uint8_t *put_literals(uint8_t *out, const uint8_t *from, uint32_t count) {
  if (count <= 3) {
    out[-2] |= (uint8_t)count;
  } else if (count <= 18) {
    *out++ = (uint8_t)(count - 3);
  } else {
    *out++ = 0;
    out = put_length(out, count - 18);
  }
  do *out++ = *from++;
  while (--count > 0);
  return out;
}

static uint8_t *put_match(uint8_t *out, uint32_t distance, uint32_t length) {
  uint32_t code = distance - 1;
  if (length <= 8 && distance <= M2_FAR) {
    *out++ = (uint8_t)(((length - 1) << 5) | ((code & 7) << 2));
    *out++ = (uint8_t)(code >> 3);
    return out;
  }
  uint32_t marker = 0x20, longest = 33;
  if (distance > M3_FAR) {
    code = distance - M3_FAR;
    marker = 0x10 | ((code & 0x4000) >> 11);
    longest = 9;
  }
  if (length <= longest) {
    *out++ = (uint8_t)(marker | (length - 2));
  } else {
    *out++ = (uint8_t)marker;
    out = put_length(out, length - longest);
  }
  *out++ = (uint8_t)((code & 63) << 2);
  *out++ = (uint8_t)(code >> 6);
  return out;
}

/* Compresses size bytes, at most 65535; returns the bytes written. */
static uint32_t compress(const uint8_t *in, uint32_t size, uint8_t *out, uint16_t *dictionary) {
  const uint8_t *end = in + size, *pending = in, *at = in + 4;
  uint8_t *start = out;
  if (size > TAIL) {
    const uint8_t *limit = end - TAIL;
    memset(dictionary, 0, ENTRIES * sizeof *dictionary);
    for (;;) {
      uint32_t mixed = (uint32_t)at[3] << 6;
      mixed = ((mixed ^ at[2]) << 5 ^ at[1]) << 5 ^ at[0];
      uint32_t entry = (0x21 * mixed >> 5) & ENTRY_MASK;
      uint32_t position = dictionary[entry], distance = (uint32_t)(at - in) - position;
      /* Positions below 4 are never remembered, so 0 is "empty". */
      int usable = position != 0 && distance <= M4_FAR;
      if (usable && distance > M2_FAR && in[position + 3] != at[3]) {
        entry = (entry & 0x7ff) ^ 0x201f;
        position = dictionary[entry];
        distance = (uint32_t)(at - in) - position;
        usable = position != 0 && distance <= M4_FAR && (distance <= M2_FAR || in[position + 3] == at[3]);
      }
      dictionary[entry] = (uint16_t)(at - in);
      const uint8_t *match = in + position;
      if (!usable || match[0] != at[0] || match[1] != at[1] || match[2] != at[2]) {
        if (++at >= limit) break;
        continue;
      }
      if (at > pending) out = put_literals(out, pending, (uint32_t)(at - pending));
      const uint8_t *behind = at + 3;
      match += 3;
      while (behind < end && *behind == *match) behind++, match++;
      out = put_match(out, distance, (uint32_t)(behind - at));
      at = pending = behind;
      if (at >= limit) break;
    }
  }
  uint32_t rest = (uint32_t)(end - pending);
  if (rest > 0) {
    if (out == start && rest <= 238) {
      *out++ = (uint8_t)(17 + rest);
      memcpy(out, pending, rest);
      out += rest;
    } else {
      out = put_literals(out, pending, rest);
    }
  }
  *out++ = 0x11;
  *out++ = 0;
  *out++ = 0;
  return (uint32_t)(out - start);
}

/* Decompresses a stream; returns the bytes written, or a negative code. Nothing outside of both windows is touched. */
static int decompress(const uint8_t *in, uint32_t size, uint8_t *out, uint32_t capacity) {
  const uint8_t *in_end = in + size;
  uint8_t *start = out, *out_end = out + capacity;
  uint32_t state = 0, literals, length, distance, word;
  if (size > 0 && *in > 17) {
    literals = *in++ - 17u;
    state = literals < 4 ? literals : 4;
    goto copy_literals;
  }
  while (in < in_end) {
    word = *in++;
    if (word >= 64) {
      if (in >= in_end) return OVERRUN_IN;
      length = (word >> 5) + 1;
      distance = ((word >> 2) & 7) + 1 + ((uint32_t)*in++ << 3);
      literals = word & 3;
    } else if (word >= 16) {
      uint32_t mask = word >= 32 ? 31 : 7;
      length = word & mask;
      if (length == 0) {
        while (in < in_end && *in == 0) in++, length += 255;
        if (in >= in_end) return OVERRUN_IN;
        length += mask + *in++;
      }
      length += 2;
      if (in_end - in < 2) return OVERRUN_IN;
      literals = in[0] & 3;
      distance = (uint32_t)(in[0] >> 2) + ((uint32_t)in[1] << 6);
      in += 2;
      if (mask == 31) {
        distance += 1;
      } else {
        distance += M3_FAR + ((word & 8) << 11);
        if (distance == M3_FAR) return in == in_end ? (int)(out - start) : NOT_CONSUMED;
      }
    } else if (state == 0) {
      literals = word + 3;
      if (word == 0) {
        literals = 18;
        while (in < in_end && *in == 0) in++, literals += 255;
        if (in >= in_end) return OVERRUN_IN;
        literals += *in++;
      }
      state = 4;
    copy_literals:
      if (literals > (uint32_t)(out_end - out)) return OVERRUN_OUT;
      if (literals >= (uint32_t)(in_end - in)) return OVERRUN_IN;
      do *out++ = *in++;
      while (--literals > 0);
      continue;
    } else {
      if (in >= in_end) return OVERRUN_IN;
      length = state == 4 ? 3 : 2;
      distance = (word >> 2) + (state == 4 ? M2_FAR + 1 : 1) + ((uint32_t)*in++ << 2);
      literals = word & 3;
    }
    if (distance > (uint32_t)(out - start)) return OVERRUN_BACK;
    if (length > (uint32_t)(out_end - out)) return OVERRUN_OUT;
    const uint8_t *from = out - distance;
    do *out++ = *from++;
    while (--length > 0);
    state = literals;
    if (literals > 0) {
      if (literals > (uint32_t)(out_end - out)) return OVERRUN_OUT;
      if (literals >= (uint32_t)(in_end - in)) return OVERRUN_IN;
      do *out++ = *in++;
      while (--literals > 0);
    }
  }
  return NO_END;
}

#include "codec-bench.h"
