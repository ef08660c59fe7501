/*
 * The slot allocator in C: what `swaplab bench --only slots` holds our own against.
 *
 * Written from the described behaviour of the swap core of 2.6.34, like the TypeScript beside it, and under the same licence (MIT). It does what
 * that code does in the measured sequence: one area, no device behind it, no discard; clusters of 256 slots, the search for a free cluster
 * from the lowest slot that may be free on a rotating disk, and from the cursor on a solid-state one, the scan with the lock dropped, and
 * the counts of a map byte. The lock is ours, too: compare-and-swap to take it, a sequentially consistent store to drop it.
 *
 * Usage: slots CALLS DISK SLOTS LEVEL BATCHES PAIRS
 *   CALLS    what a pair is: `allocate`: a slot is taken for one user, and a random one is freed; `share`: a random slot in use gets one more
 *            user and loses it again
 *   DISK     `rotating` or `solid-state`
 *   LEVEL    per cent of the slots that are in use; 0 for an empty area, where a pair is a slot taken and freed
 *   BATCHES  batches in a trial, PAIRS pairs in each
 *
 * Writes `{"ready":1,"used":N,"sum":N}` when the area is prepared; for each line it reads it runs a trial from the same prepared state and writes
 * `{"ns":[...],"sum":N}`: nanoseconds of each batch, and a checksum over the slots that were handed out. Ends with its input.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  CLUSTER = 256,
  CHUNK = 256,
  HAS_CACHE = 0x40,
  CONTINUED = 0x80,
  MAP_MAX = 0x3e,
  BAD = 0x3f,
  SHMEM = 0xbf,
  USED = 1,
  WRITEOK = 2,
  SOLIDSTATE = 16,
  SCANNING = 0x100
};

struct area {
  uint32_t flags;
  int32_t prio;
  int32_t type;
  int32_t next;
  uint32_t max;
  uint32_t lowest;
  uint32_t highest;
  uint32_t pages;
  uint32_t inuse;
  uint32_t cursor;
  uint32_t left_in_cluster;
  uint32_t allocated;
  uint32_t freed;
};

static _Atomic int swap_lock;
static struct area area_table[1];
static unsigned char *map;
static int list_head, list_next;
static volatile long swap_pages, total_pages;
static volatile unsigned breaths;
static int preparing;

static void lock(void) {
  int expected = 0;
  while (!atomic_compare_exchange_strong(&swap_lock, &expected, 1)) expected = 0;
}

static void unlock(void) { atomic_store(&swap_lock, 0); }

static int mostly_full(void) { return swap_pages * 2 < total_pages; }

/* First of CLUSTER free slots in a row that end at or below last; 0 for none. */
static uint32_t find_run(uint32_t first, uint32_t last) {
  uint32_t start = first;
  for (uint32_t chunk = first; start + CLUSTER - 1 <= last; chunk += CHUNK) {
    uint32_t end = chunk + CHUNK - 1;
    if (end > last) end = last;
    breaths++;
    for (uint32_t offset = chunk; offset <= end; offset++) {
      if (map[offset] != 0)
        start = offset + 1;
      else if (offset - start == CLUSTER - 1)
        return start;
    }
  }
  return 0;
}

/* What find_run finds, from the end of each cluster backwards, without a look at every slot. Not what is measured: it only shortens the preparation. */
static uint32_t find_run_quickly(uint32_t first, uint32_t last) {
  for (uint32_t start = first; start + CLUSTER - 1 <= last;) {
    uint32_t behind = start + CLUSTER;
    while (behind > start && map[behind - 1] == 0) behind--;
    if (behind == start) return start;
    start = behind;
  }
  return 0;
}

/* The lowest slot of a range that may be taken; 0 for none. */
static uint32_t find_candidate(uint32_t first, uint32_t last) {
  for (uint32_t chunk = first; chunk <= last; chunk += CHUNK) {
    int also = mostly_full() ? HAS_CACHE : -1;
    uint32_t end = chunk + CHUNK - 1;
    if (end > last) end = last;
    breaths++;
    for (uint32_t offset = chunk; offset <= end; offset++) {
      if (map[offset] == 0 || map[offset] == also) return offset;
    }
  }
  return 0;
}

static uint32_t scan(struct area *area, unsigned char usage) {
  uint32_t base = area->cursor, offset = base, taken = 0;
  area->flags += SCANNING;
  if (area->left_in_cluster-- == 0) {
    if (area->pages - area->inuse >= CLUSTER) {
      uint32_t run;
      unlock();
      if ((area->flags & SOLIDSTATE) == 0) base = area->lowest;
      uint32_t (*find)(uint32_t, uint32_t) = preparing ? find_run_quickly : find_run;
      run = find(base, area->highest);
      if (run == 0) run = find(area->lowest, base - 1);
      lock();
      offset = base;
      if (run != 0) area->cursor = offset = run;
    }
    area->left_in_cluster = CLUSTER - 1;
  }
  for (;;) {
    uint32_t found;
    if ((area->flags & WRITEOK) == 0 || area->highest == 0) break;
    if (offset > area->highest) base = offset = area->lowest;
    if (map[offset] == 0) {
      if (offset == area->lowest) area->lowest = offset + 1;
      if (offset == area->highest) area->highest = offset - 1;
      if (++area->inuse == area->pages) {
        area->lowest = area->max;
        area->highest = 0;
      }
      map[offset] = usage;
      area->cursor = offset + 1;
      area->allocated++;
      taken = offset;
      break;
    }
    unlock();
    found = find_candidate(offset + 1, area->highest);
    if (found == 0) found = find_candidate(area->lowest, base - 1);
    lock();
    if (found == 0) break;
    offset = found;
  }
  area->flags -= SCANNING;
  return taken;
}

/* A slot for a page that goes into the swap cache; 0 for none. */
static __attribute__((noinline)) uint32_t get_swap_page(void) {
  uint32_t offset = 0;
  lock();
  if (swap_pages > 0) {
    swap_pages--;
    for (int type = list_next; type >= 0; type = area_table[type].next) {
      struct area *area = &area_table[type];
      if (area->highest == 0 || (area->flags & WRITEOK) == 0) continue;
      list_next = area->next < 0 ? list_head : area->next;
      offset = scan(area, HAS_CACHE);
      if (offset != 0) break;
    }
    if (offset == 0) swap_pages++;
  }
  unlock();
  return offset;
}

static __attribute__((noinline)) int swap_duplicate(uint32_t offset) {
  struct area *area = &area_table[0];
  int error = -1;
  lock();
  if (offset < area->max && map[offset] != 0) {
    unsigned char cache = map[offset] & HAS_CACHE, count = map[offset] & (unsigned char)~HAS_CACHE;
    if ((count & ~CONTINUED) < MAP_MAX) {
      map[offset] = (unsigned char)(count + 1) | cache;
      error = 0;
    }
  }
  unlock();
  return error;
}

static void drop(uint32_t offset, unsigned char usage) {
  struct area *area = &area_table[0];
  unsigned char cache, count;
  if (offset == 0 || (area->flags & USED) == 0 || offset >= area->max || map[offset] == 0) return;
  lock();
  cache = map[offset] & HAS_CACHE;
  count = map[offset] & (unsigned char)~HAS_CACHE;
  if (usage == HAS_CACHE)
    cache = 0;
  else if (count == SHMEM)
    count = 0;
  else if ((count & ~CONTINUED) <= MAP_MAX)
    count--;
  map[offset] = count | cache;
  if ((count | cache) == 0) {
    if (offset < area->lowest) area->lowest = offset;
    if (offset > area->highest) area->highest = offset;
    if (list_next >= 0 && area->prio > area_table[list_next].prio) list_next = area->type;
    swap_pages++;
    area->inuse--;
    area->freed++;
  }
  unlock();
}

static __attribute__((noinline)) void swapcache_free(uint32_t offset) { drop(offset, HAS_CACHE); }

static __attribute__((noinline)) void swap_free(uint32_t offset) { drop(offset, 1); }

static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

static uint32_t *used;
static uint32_t used_count;

static int allocate(void) {
  uint32_t slot = get_swap_page();
  if (slot == 0) return 0;
  swap_duplicate(slot);
  swapcache_free(slot);
  used[used_count++] = slot;
  return 1;
}

static void free_used(uint32_t index) {
  uint32_t slot = used[index];
  used[index] = used[--used_count];
  swap_free(slot);
}

static uint32_t batch_of_shares(const uint32_t *picks, uint32_t pairs) {
  uint32_t sum = 0;
  for (uint32_t pair = 0; pair < pairs; pair++) {
    uint32_t slot = used[picks[pair]];
    sum = sum * 31 + slot + (uint32_t)swap_duplicate(slot);
    swap_free(slot);
  }
  return sum;
}

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint32_t batch_of_pairs(const uint32_t *picks, uint32_t pairs) {
  uint32_t sum = 0;
  for (uint32_t pair = 0; pair < pairs; pair++) {
    allocate();
    sum = sum * 31 + used[used_count - 1];
    free_used(picks[pair]);
  }
  return sum;
}

static uint32_t batch_when_empty(uint32_t pairs) {
  uint32_t sum = 0;
  for (uint32_t pair = 0; pair < pairs; pair++) {
    uint32_t slot = get_swap_page();
    sum = sum * 31 + slot;
    swapcache_free(slot);
  }
  return sum;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int share = strcmp(argv[1], "share") == 0, solid_state = strcmp(argv[2], "solid-state") == 0;
  uint32_t slots = (uint32_t)strtoul(argv[3], 0, 10), level = (uint32_t)strtoul(argv[4], 0, 10);
  uint32_t batches = (uint32_t)strtoul(argv[5], 0, 10), pairs = (uint32_t)strtoul(argv[6], 0, 10);
  if ((share && level == 0) || slots < CLUSTER || slots > (1u << 26) || level > 100 || batches == 0 || pairs == 0) return 2;
  struct area *area = &area_table[0], area_before;
  unsigned char *map_before = malloc(slots + 1);
  uint32_t *used_before = malloc((slots + 1) * sizeof *used), *picks = malloc((size_t)batches * pairs * sizeof *picks);
  char line[16];
  map = calloc(slots + 1, 1);
  used = malloc((slots + 1) * sizeof *used);
  if (!map || !map_before || !used || !used_before || !picks) return 3;
  map[0] = BAD;
  *area = (struct area){.flags = USED | WRITEOK | (solid_state ? SOLIDSTATE : 0), .next = -1, .max = slots + 1, .lowest = 1, .highest = slots, .pages = slots, .cursor = 1};
  swap_pages = total_pages = slots;
  preparing = 1;
  if (level > 0) {
    uint32_t target = (uint32_t)((uint64_t)slots * level / 100);
    while (allocate()) continue;
    while (used_count > target) free_used((uint32_t)(next_random() % used_count));
    for (uint32_t turn = 0; turn < slots; turn++) {
      allocate();
      free_used((uint32_t)(next_random() % used_count));
    }
  }
  preparing = 0;
  /* A slot is taken before one is freed, but none before one is shared. */
  uint32_t choices = share ? used_count : used_count + 1;
  for (uint32_t pick = 0; pick < batches * pairs; pick++) picks[pick] = (uint32_t)(next_random() % choices);
  uint32_t sum = 0, used_count_before = used_count;
  for (uint32_t index = 0; index < used_count; index++) sum = sum * 31 + used[index];
  memcpy(map_before, map, slots + 1);
  memcpy(used_before, used, used_count * sizeof *used);
  area_before = *area;
  long swap_pages_before = swap_pages;
  printf("{\"ready\":1,\"used\":%u,\"sum\":%u}\n", used_count, sum);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    memcpy(map, map_before, slots + 1);
    memcpy(used, used_before, used_count_before * sizeof *used);
    *area = area_before;
    used_count = used_count_before;
    swap_pages = swap_pages_before;
    sum = 0;
    printf("{\"ns\":[");
    for (uint32_t batch = 0; batch < batches; batch++) {
      double start = now_ns();
      const uint32_t *chosen = picks + (size_t)batch * pairs;
      if (share)
        sum = sum * 31 + batch_of_shares(chosen, pairs);
      else
        sum = sum * 31 + (level > 0 ? batch_of_pairs(chosen, pairs) : batch_when_empty(pairs));
      printf("%s%.0f", batch > 0 ? "," : "", now_ns() - start);
    }
    printf("],\"sum\":%u}\n", sum);
    fflush(stdout);
  }
  return 0;
}
