/**
 * Where events are drawn: the tracks of one process of a trace, which are threads to the format.
 *
 * Each task of the machine has several. On the first is what it does: faults with what lies in them, and moments. Waiting for locks has one of its
 * own, and holding has one for each class of locks: spans on one track must lie in each other or apart, and locks are not always dropped in the
 * reverse order. Where a task holds two locks of one class the second has a lane of its own.
 *
 * A track is the part of its events that says so, up to their time: `"pid":1,"tid":2,"ts":`. It is named in the file before its first event. Their numbers are given out as they come; their order on the screen is by task, then by kind.
 */

/** Tracks of one task are this far apart in the order on the screen. */
const ORDERS_PER_TASK = 1000;
const ORDER_OF_WAITS = 1;
const ORDER_OF_HOLDS = 2;
/** Lanes of one class that are kept in order; more are drawn below. */
const LANES_PER_CLASS = 8;

/** A row of locks that are held one after the other. */
interface Lane {
  readonly head: string;
  /** When the last one was dropped, ns. */
  end: number;
}

/** The tracks of one task. */
interface TaskTracks {
  readonly name: string;
  readonly order: number;
  /** Empty for one that is not there yet. */
  main: string;
  waits: string;
  /** By lock class. */
  readonly holds: Lane[][];
}

/** The tracks of one process. */
export class Tracks {
  readonly #pid: number;
  readonly #write: (event: string) => void;
  /** By number of the task; another name means another thread in the same place. */
  readonly #tasks: TaskTracks[] = [];
  #tids = 0;
  #seen = 0;

  /**
   * @param pid - number of the process
   * @param write - takes the events that name tracks
   */
  constructor(pid: number, write: (event: string) => void) {
    this.#pid = pid;
    this.#write = write;
  }

  /**
   * Whether a task is still the one it was.
   * @param task - its number
   * @param name - of the thread that has this number now
   */
  isOf(task: number, name: string): boolean {
    return this.#tasks[task]?.name === name;
  }

  /**
   * Begins new tracks for a task.
   * @param task - its number
   * @param name - of the thread that has this number now
   */
  assign(task: number, name: string): void {
    this.#tasks[task] = { name, order: this.#seen++, main: '', waits: '', holds: [] };
  }

  /** The track of what a task does. */
  main(task: number): string {
    const tracks = this.#of(task);
    if (tracks.main === '') tracks.main = this.#create(tracks.name, tracks.order * ORDERS_PER_TASK);
    return tracks.main;
  }

  /** The track of what a task waits for. */
  waits(task: number): string {
    const tracks = this.#of(task);
    if (tracks.waits === '') {
      const order = tracks.order * ORDERS_PER_TASK + ORDER_OF_WAITS;
      tracks.waits = this.#create(`${tracks.name} waits for`, order);
    }
    return tracks.waits;
  }

  /**
   * The track of a lock that a task has held, and has just dropped.
   * @param task - its number
   * @param lockClass - number of the class
   * @param className - its name
   * @param since - when it was taken, ns
   * @param until - when it was dropped, ns; never before that of the call before for this task
   */
  holds(task: number, lockClass: number, className: string, since: number, until: number): string {
    const tracks = this.#of(task);
    const lanes = (tracks.holds[lockClass] ??= []);
    let lane = lanes.find(({ end }) => end <= since);
    if (lane === undefined) {
      const behind = lanes.length === 0 ? '' : ` (${String(lanes.length + 1)})`;
      const order =
        tracks.order * ORDERS_PER_TASK +
        ORDER_OF_HOLDS +
        lockClass * LANES_PER_CLASS +
        Math.min(lanes.length, LANES_PER_CLASS - 1);
      lane = { head: this.#create(`${tracks.name} holds ${className}${behind}`, order), end: 0 };
      lanes.push(lane);
    }
    lane.end = until;
    return lane.head;
  }

  #of(task: number): TaskTracks {
    const tracks = this.#tasks[task];
    if (tracks === undefined) throw new Error(`task ${String(task)} has no name`);
    return tracks;
  }

  #create(name: string, order: number): string {
    const tid = ++this.#tids;
    const place = `"ph":"M","pid":${String(this.#pid)},"tid":${String(tid)}`;
    this.#write(`{${place},"name":"thread_name","args":{"name":${JSON.stringify(name)}}}`);
    this.#write(`{${place},"name":"thread_sort_index","args":{"sort_index":${String(order)}}}`);
    return `"pid":${String(this.#pid)},"tid":${String(tid)},"ts":`;
  }
}
