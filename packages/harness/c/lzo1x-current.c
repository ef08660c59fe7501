/*
 * The codec `lzo1x-current` in C: what `swaplab bench --only codec` holds our own against.
 *
 * Written from the description of the stream format and of the search of later kernels, like the TypeScript and AssemblyScript beside it, and
 * under the same licence (MIT): words instead of bytes, one probe, steps that grow; a dictionary of 8192 positions that is emptied before each
 * page. Copies may write a few bytes too many inside the room they have.
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
  ENTRY_BITS = 13,
  ENTRIES = 1 << ENTRY_BITS,
  TAIL = 20,
  M2_FAR = 0x800,
  M3_FAR = 0x4000,
  OVERRUN_IN = -4,
  OVERRUN_OUT = -5,
  OVERRUN_BACK = -6,
  NO_END = -7,
  NOT_CONSUMED = -8
};

static uint32_t word32(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, 4);
  return word;
}

static uint64_t word64(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}

/* Copies in steps of 8 bytes: up to 7 too many. */
static void copy_wild(uint8_t *to, const uint8_t *from, uint32_t count) {
  const uint8_t *end = to + count;
  do {
    memcpy(to, from, 8);
    to += 8;
    from += 8;
  } while (to < end);
}

static uint8_t *put_length(uint8_t *out, uint32_t rest) {
  for (; rest > 255; rest -= 255) *out++ = 0;
  *out++ = (uint8_t)rest;
  return out;
}

static uint8_t *put_run(uint8_t *out, uint32_t count) {
  if (count <= 3) {
    out[-2] |= (uint8_t)count;
  } else if (count <= 18) {
    *out++ = (uint8_t)(count - 3);
  } else {
    *out++ = 0;
    out = put_length(out, count - 18);
  }
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

/* Compresses size bytes, at most 49152; returns the bytes written. There is room for any stream. */
static uint32_t compress(const uint8_t *in, uint32_t size, uint8_t *out, uint16_t *dictionary) {
  const uint8_t *end = in + size, *pending = in;
  uint8_t *start = out;
  if (size > TAIL) {
    const uint8_t *limit = end - TAIL, *at = in + 5;
    memset(dictionary, 0, ENTRIES * sizeof *dictionary);
    while (at < limit) {
      uint32_t four = word32(at);
      uint16_t *entry = dictionary + (four * 0x1824429du >> (32 - ENTRY_BITS));
      const uint8_t *match = in + *entry;
      *entry = (uint16_t)(at - in);
      if (word32(match) != four) {
        at += 1 + ((at - pending) >> 5);
        continue;
      }
      uint32_t literals = (uint32_t)(at - pending), length = 4;
      if (literals > 0) {
        out = put_run(out, literals);
        copy_wild(out, pending, literals);
        out += literals;
      }
      for (;;) {
        uint64_t difference = word64(at + length) ^ word64(match + length);
        if (difference != 0) {
          length += (uint32_t)__builtin_ctzll(difference) >> 3;
          break;
        }
        length += 8;
        if (at + length >= limit) break;
      }
      out = put_match(out, (uint32_t)(at - match), length);
      at = pending = at + length;
    }
  }
  uint32_t rest = (uint32_t)(end - pending);
  if (rest > 0) {
    if (out == start && rest <= 238) *out++ = (uint8_t)(17 + rest);
    else out = put_run(out, rest);
    memcpy(out, pending, rest);
    out += rest;
  }
  *out++ = 0x11;
  *out++ = 0;
  *out++ = 0;
  return (uint32_t)(out - start);
}

/* Copies a match in rising order. */
static uint8_t *copy_match(uint8_t *out, uint32_t distance, uint32_t length, const uint8_t *out_end) {
  const uint8_t *from = out - distance;
  uint8_t *end = out + length;
  if (distance >= 8 && (uint32_t)(out_end - out) >= length + 8) {
    copy_wild(out, from, length);
    return end;
  }
  do *out++ = *from++;
  while (out < end);
  return end;
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
      if (literals + 8 <= (uint32_t)(out_end - out) && literals + 8 <= (uint32_t)(in_end - in)) copy_wild(out, in, literals);
      else memcpy(out, in, literals);
      in += literals;
      out += literals;
      continue;
    } else {
      if (in >= in_end) return OVERRUN_IN;
      length = state == 4 ? 3 : 2;
      distance = (word >> 2) + (state == 4 ? M2_FAR + 1 : 1) + ((uint32_t)*in++ << 2);
      literals = word & 3;
    }
    if (distance > (uint32_t)(out - start)) return OVERRUN_BACK;
    if (length > (uint32_t)(out_end - out)) return OVERRUN_OUT;
    out = copy_match(out, distance, length, out_end);
    state = literals;
    if (literals > 0) {
      if (literals > (uint32_t)(out_end - out)) return OVERRUN_OUT;
      if (literals >= (uint32_t)(in_end - in)) return OVERRUN_IN;
      if (out_end - out >= 4 && in_end - in >= 4) {
        memcpy(out, in, 4);
        out += literals;
        in += literals;
      } else {
        do *out++ = *in++;
        while (--literals > 0);
      }
    }
  }
  return NO_END;
}

#include "codec-bench.h"
