/**
 * How fast the engines play schedules, and how soon they find what is wrong. Rates are those of one core: time on processors is counted, of the
 * whole process, so that what others do on the machine disturbs little. On threads that is the time of the one core all of them are pinned to.
 *
 * On the code of the swap core and the driver, four threads with about 50 points each (`slot-turnover`):
 * - `engines.pct-threads`, `engines.pct-stepped`: schedules per second, PCT of depth 3;
 * - `engines.walk-threads`, `engines.walk-stepped`: millions of steps per second, random walk;
 * - `engines.detectors-threads`, `engines.detectors-stepped`: time of a PCT schedule with all detectors over that with none;
 * - `engines.hand-over`: what it costs on threads that another one goes on: a random walk over points without meaning, less the same points with
 *   hardly a switch, by the switches more;
 * - `engines.heap`: bytes by which the heap grows with each schedule, collections done: none;
 * - `engines.weave`: seconds that weaving and compiling both builds of all packages take, in a copy of the repository; only where there is one.
 *
 * Against the records of the strongest native testers on the same workloads (`engines-peers.ts`):
 * - `engines.w1-...`, `engines.w2-...`: schedules per second of threads that add with a lock held;
 * - `engines.w2-search-2` to `-4`: schedules until the search is complete for so many preemptions, all lower bounds included; a search that does
 *   not say that it is complete fails;
 * - `engines.find-...`: schedules to the bug, the median of 200 seeds.
 *
 * Against the scheduler of fast-check, where it is installed, in the same run: `engines.promises-...`. Both sides walk randomly.
 */
import { PCT, RANDOM_WALK, SEARCH_COMPLETE, SURW, SURW_EVERYTHING, WATCH_ALL } from '@swaplab/explore';
