/*
 * The allocator xvmalloc in C: what `swaplab bench --only xvmalloc` holds our own against.
 *
 * Written from the described behaviour of the allocator of 2.6.34, like the TypeScript beside it, and under the same licence (MIT): pages cut into
 * blocks with a header of 4 bytes, 508 free lists found by a bitmap of two levels, free neighbours joined at once, an empty page given back. The
 * pages come from a stack of its own. The lock is ours, too: compare-and-swap to take it, a sequentially consistent store to drop it.
 *
 * Usage: xvmalloc FILE LIVE BATCHES PAIRS
 *   FILE     the sizes objects can have, 32-bit words in the order of this machine
 *   LIVE     how many objects live at any time
 *   BATCHES  batches in a trial, PAIRS pairs in each: a random object is freed, and one of a random size is taken in its place
 *
 * Writes `{"ready":1,"pages":N,"sum":N}` when the objects are there; for each line it reads it runs a trial, which goes on where the one before has
 * ended, and writes `{"ns":[...],"pages":N,"sum":N}`: nanoseconds of each batch, pages of the pool, and a checksum over all places. Ends with its
 * input.
 */
#define _POSIX_C_SOURCE 200112L
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  PAGE = 4096,
  HEAD = 4,
  LARGEST = PAGE - HEAD,
  SMALLEST = 32,
  LISTS = (LARGEST - SMALLEST) / 8 + 1,
  WORDS = (LISTS + 63) / 64,
  IS_FREE = 1,
  BEFORE_IS_FREE = 2,
  FLAGS = 3
};

/* A block, and the links of its list while it is free. Pages are numbered from 1. */
struct block {
  uint16_t size;
  uint16_t before;
  uint32_t next_page;
  uint32_t prev_page;
  uint16_t next_offset;
  uint16_t prev_offset;
};

struct place {
  uint32_t page;
  uint32_t offset;
};

static _Atomic int pool_lock, zone_lock;
static uint64_t first_level, second_level[WORDS];
static struct place heads[LISTS];
static uint32_t pool_pages;
static uint8_t *frames;
static uint32_t *free_pages, free_count;

static void lock(_Atomic int *word) {
  int expected = 0;
  while (!atomic_compare_exchange_strong(word, &expected, 1)) expected = 0;
}

static void unlock(_Atomic int *word) { atomic_store(word, 0); }

static uint32_t take_page(void) {
  uint32_t page = 0;
  lock(&zone_lock);
  if (free_count > 0) page = free_pages[--free_count];
  unlock(&zone_lock);
  return page;
}

static void give_page(uint32_t page) {
  lock(&zone_lock);
  free_pages[free_count++] = page;
  unlock(&zone_lock);
}

static struct block *at(uint32_t page, uint32_t offset) { return (struct block *)(frames + (size_t)page * PAGE + offset); }

static uint32_t up_to_4(uint32_t size) { return (size + 3) & ~3u; }

static void link_block(uint32_t page, uint32_t offset) {
  struct block *block = at(page, offset);
  uint32_t list = (block->size - SMALLEST) / 8u;
  struct place head = heads[list];
  block->prev_page = 0;
  block->next_page = head.page;
  block->next_offset = (uint16_t)head.offset;
  if (head.page != 0) {
    struct block *next = at(head.page, head.offset);
    next->prev_page = page;
    next->prev_offset = (uint16_t)offset;
  }
  heads[list].page = page;
  heads[list].offset = offset;
  second_level[list / 64] |= 1ull << (list % 64);
  first_level |= 1ull << (list / 64);
}

static void unlink_block(uint32_t page, uint32_t offset) {
  struct block *block = at(page, offset);
  if (block->next_page != 0) {
    struct block *next = at(block->next_page, block->next_offset);
    next->prev_page = block->prev_page;
    next->prev_offset = block->prev_offset;
  }
  if (block->prev_page != 0) {
    struct block *previous = at(block->prev_page, block->prev_offset);
    previous->next_page = block->next_page;
    previous->next_offset = block->next_offset;
    return;
  }
  uint32_t list = (block->size - SMALLEST) / 8u;
  heads[list].page = block->next_page;
  heads[list].offset = block->next_offset;
  if (block->next_page != 0) return;
  second_level[list / 64] &= ~(1ull << (list % 64));
  if (second_level[list / 64] == 0) first_level &= ~(1ull << (list / 64));
}

/* The first list from the given one on that has a block; -1 for none. */
static int find_list(uint32_t list) {
  if (list >= LISTS) return -1;
  uint32_t word = list / 64;
  uint64_t bits = second_level[word] & (~0ull << (list % 64));
  if (bits == 0) {
    uint64_t words = word + 1 < 64 ? first_level & (~0ull << (word + 1)) : 0;
    if (words == 0) return -1;
    word = (uint32_t)__builtin_ctzll(words);
    bits = second_level[word];
  }
  return (int)(word * 64 + (uint32_t)__builtin_ctzll(bits));
}

static int take_free(uint32_t size, struct place *place) {
  uint32_t bytes = up_to_4(size), wanted = bytes < SMALLEST ? SMALLEST : bytes;
  int done = 0;
  lock(&pool_lock);
  int list = find_list((wanted - SMALLEST + 7) / 8);
  if (list >= 0) {
    uint32_t page = heads[list].page, offset = heads[list].offset;
    struct block *block = at(page, offset);
    unlink_block(page, offset);
    uint32_t next = offset + HEAD + block->size, rest = block->size - bytes;
    if (rest == 0) {
      if (next < PAGE) at(page, next)->before &= (uint16_t)~BEFORE_IS_FREE;
    } else {
      uint32_t split = offset + HEAD + bytes;
      struct block *remainder = at(page, split);
      remainder->size = (uint16_t)(rest - HEAD);
      remainder->before = (uint16_t)(offset | IS_FREE);
      if (rest - HEAD >= SMALLEST) link_block(page, split);
      if (next < PAGE) at(page, next)->before = (uint16_t)(split | (at(page, next)->before & FLAGS));
    }
    block->size = (uint16_t)size;
    block->before &= (uint16_t)~IS_FREE;
    place->page = page;
    place->offset = offset + HEAD;
    done = 1;
  }
  unlock(&pool_lock);
  return done;
}

static int xv_malloc(uint32_t size, struct place *place) {
  place->page = place->offset = 0;
  if (size == 0 || size > LARGEST) return 0;
  if (take_free(size, place)) return 1;
  uint32_t page = take_page();
  if (page == 0) return 0;
  lock(&pool_lock);
  pool_pages++;
  at(page, 0)->size = LARGEST;
  at(page, 0)->before = IS_FREE;
  link_block(page, 0);
  unlock(&pool_lock);
  return take_free(size, place);
}

static void xv_free(uint32_t page, uint32_t object) {
  uint32_t offset = object - HEAD;
  int empty = 0;
  lock(&pool_lock);
  struct block *block = at(page, offset);
  if (block->before & IS_FREE) abort();
  uint32_t bytes = up_to_4(block->size), next = offset + HEAD + bytes;
  if (next < PAGE && at(page, next)->before & IS_FREE) {
    uint32_t more = at(page, next)->size;
    if (more >= SMALLEST) unlink_block(page, next);
    bytes += HEAD + more;
    next = offset + HEAD + bytes;
  }
  if (block->before & BEFORE_IS_FREE) {
    uint32_t previous = block->before & (uint16_t)~FLAGS;
    block = at(page, previous);
    uint32_t more = block->size;
    if (more >= SMALLEST) unlink_block(page, previous);
    bytes += HEAD + more;
    offset = previous;
  }
  block->size = (uint16_t)bytes;
  if (bytes == LARGEST) {
    pool_pages--;
    empty = 1;
  } else {
    block->before |= IS_FREE;
    if (bytes >= SMALLEST) link_block(page, offset);
    if (next < PAGE) at(page, next)->before = (uint16_t)(offset | (at(page, next)->before & IS_FREE) | BEFORE_IS_FREE);
  }
  unlock(&pool_lock);
  if (empty) give_page(page);
}

static uint64_t random_state = 88172645463325252ull;

static uint32_t random_below(uint32_t limit) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)(random_state % limit);
}

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint32_t sum_of(const struct place *live, uint32_t count) {
  uint32_t sum = 0;
  for (uint32_t index = 0; index < count; index++) sum = sum * 31 + live[index].offset;
  return sum;
}

int main(int argc, char **argv) {
  char line[32];
  if (argc != 5) return 2;
  uint32_t count = (uint32_t)strtoul(argv[2], 0, 10), batches = (uint32_t)strtoul(argv[3], 0, 10);
  uint32_t pairs = (uint32_t)strtoul(argv[4], 0, 10);
  FILE *file = fopen(argv[1], "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) return 3;
  uint32_t kinds = (uint32_t)(ftell(file) / 4);
  rewind(file);
  uint32_t *sizes = malloc(kinds * sizeof *sizes), *picks = malloc((size_t)pairs * batches * 2 * sizeof *picks);
  struct place *live = calloc(count, sizeof *live);
  if (count == 0 || batches == 0 || kinds == 0 || !sizes || !picks || !live) return 3;
  if (fread(sizes, 4, kinds, file) != kinds) return 3;
  fclose(file);
  uint32_t all = count + 64;
  free_pages = malloc(all * sizeof *free_pages);
  if (!free_pages || posix_memalign((void **)&frames, PAGE, (size_t)(all + 1) * PAGE) != 0) return 3;
  for (uint32_t page = all; page > 0; page--) free_pages[free_count++] = page;
  for (uint32_t index = 0; index < count; index++)
    if (!xv_malloc(sizes[random_below(kinds)], &live[index])) return 4;
  printf("{\"ready\":1,\"pages\":%u,\"sum\":%u}\n", pool_pages, sum_of(live, count));
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    for (uint32_t pair = 0; pair < pairs * batches; pair++) {
      picks[2 * pair] = random_below(count);
      picks[2 * pair + 1] = sizes[random_below(kinds)];
    }
    printf("{\"ns\":[");
    for (uint32_t batch = 0, pair = 0; batch < batches; batch++) {
      double start = now_ns();
      for (uint32_t end = pair + pairs; pair < end; pair++) {
        struct place *place = &live[picks[2 * pair]];
        xv_free(place->page, place->offset);
        if (!xv_malloc(picks[2 * pair + 1], place)) return 4;
      }
      printf("%s%.0f", batch > 0 ? "," : "", now_ns() - start);
    }
    printf("],\"pages\":%u,\"sum\":%u}\n", pool_pages, sum_of(live, count));
    fflush(stdout);
  }
  return 0;
}
