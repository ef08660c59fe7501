/**
 * The script of the page: it goes through the steps, forwards and backwards.
 *
 * It asks for nothing from outside, keeps no state besides the present step and how much is shown, and puts text into the page as text only. Without
 * it the page still shows the schedule.
 */

/** What the script is given, as JSON in the element `data`. */
export interface PageData {
  readonly threads: readonly PageThread[];
  readonly objects: readonly string[];
  readonly places: readonly PagePlace[];
  /** Thread, what, place or -1, rank, note or an empty text. */
  readonly steps: readonly (readonly [number, string, number, number, string])[];
  /** 1 for holds and 0 for waits, thread, object, from, until, asked. */
  readonly spans: readonly (readonly [number, number, number, number, number, number])[];
  /** The highest rank that is shown at first. */
  readonly level: number;
  /** The step that is shown first. */
  readonly start: number;
}

/** A thread. */
export interface PageThread {
  readonly name: string;
  /** Number of its colour. */
  readonly colour: number;
  /** What it is at the end, in words. */
  readonly end: string;
}

/** A place in the source. */
export interface PagePlace {
  /** File, line and function. */
  readonly text: string;
  readonly short: string;
  readonly source: string;
}

/** The script; it contains no `<`. */
export const SCRIPT = String.raw`
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const find = (name) => document.getElementById(name);
  const list = find('list');
  const slider = find('slider');
  const rows = new Map([...list.querySelectorAll('.row')].map((row) => [Number(row.dataset.step), row]));
  const all = [...rows.keys()];
  let shown = [];
  let now = data.start;

  const stepsOf = data.threads.map((_, thread) => data.steps.flatMap((step, index) => (step[0] === thread ? [index] : [])));

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className !== '') node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function plural(count, noun) {
    return count + ' ' + noun + (count === 1 ? '' : 's');
  }

  /** Shows the steps up to a rank, and says how many are folded in between. */
  function show(level) {
    for (const fold of list.querySelectorAll('.fold')) fold.remove();
    shown = all.filter((index) => level >= data.steps[index][3]);
    const visible = new Set(shown);
    let expected = 0;
    const fold = (item, end) => {
      if (end > expected) item.before(element('li', 'fold', plural(end - expected, 'step') + ' more'));
      expected = Math.max(expected, end);
    };
    const items = list.querySelector('.steps');
    for (const item of [...items.children]) {
      if (item.dataset.step === undefined) {
        fold(item, Number(item.dataset.end));
        continue;
      }
      const index = Number(item.dataset.step);
      item.hidden = !visible.has(index);
      if (item.hidden) continue;
      fold(item, index);
      expected = index + 1;
    }
    const end = element('li', 'end');
    items.append(end);
    fold(end, data.steps.length);
    end.remove();
    slider.max = String(Math.max(0, shown.length - 1));
    const near = shown.reduce((best, index) => (Math.abs(best - now) > Math.abs(index - now) ? index : best), shown[0] ?? 0);
    go(near, false);
  }

  function placeOf(index) {
    const place = data.steps[index]?.[2] ?? -1;
    return place >= 0 ? data.places[place] : null;
  }

  /** What each thread holds and does after the present step. */
  function describe() {
    const states = find('states');
    states.replaceChildren();
    data.threads.forEach((thread, number) => {
      const item = element('li', 't' + thread.colour);
      item.append(element('b', '', thread.name), ' ');
      const own = stepsOf[number];
      const before = own.findLast((index) => now >= index);
      const next = own.find((index) => index > now);
      const waits = data.spans.find(([kind, who, , from, until]) => kind === 0 && who === number && now >= from && (until === -1 || until > now));
      if (waits !== undefined) {
        item.append(element('span', 'waits', 'waits for ' + data.objects[waits[2]]));
      } else if (before === now) {
        item.append(element('span', 'is', 'runs'));
      } else if (next !== undefined) {
        const place = placeOf(next);
        const start = before === undefined ? 'begins with: ' : 'stands before: ';
        item.append(element('span', 'is', start + data.steps[next][1] + (place === null ? '' : ' at ' + place.short)));
      } else {
        item.append(element('span', 'is', thread.end));
      }
      const holds = data.spans.filter(([kind, who, , from, until]) => kind === 1 && who === number && now >= from && (until === -1 || until > now));
      if (holds.length > 0) {
        const line = element('div', '');
        for (const [, , object, , , asked] of holds) {
          const chip = element('span', 'chip', data.objects[object] + ' ');
          const place = placeOf(asked);
          chip.append(element('small', '', 'since ' + (asked + 1) + (place === null ? '' : ', ' + place.short)));
          line.append(chip);
        }
        item.append(line);
      }
      states.append(item);
    });
  }

  function go(index, scrolls) {
    if (!rows.has(index)) return;
    rows.get(now)?.classList.remove('now');
    rows.get(now)?.removeAttribute('aria-current');
    now = index;
    const row = rows.get(now);
    row.classList.add('now');
    row.setAttribute('aria-current', 'step');
    const at = shown.indexOf(now);
    slider.value = String(at);
    slider.setAttribute('aria-valuetext', 'step ' + (now + 1));
    const [thread, what, , , note] = data.steps[now];
    find('current').className = 'current t' + data.threads[thread].colour;
    find('count').textContent = 'Step ' + (now + 1) + ' of ' + data.steps.length + ', ' + data.threads[thread].name;
    find('what').textContent = what + (note === '' ? '' : ' (' + note + ')');
    const place = placeOf(now);
    find('where').textContent = place === null ? '' : place.text;
    find('source').textContent = place === null ? '' : place.source;
    find('source').hidden = place === null || place.source === '';
    find('first').disabled = find('back').disabled = at === 0;
    find('forward').disabled = find('last').disabled = at === shown.length - 1;
    describe();
    if (!scrolls) return;
    // Only the list scrolls, so that the page stays where the reader has put it.
    const box = list.getBoundingClientRect();
    const here = row.getBoundingClientRect();
    const margin = 64;
    if (box.top + margin > here.top) list.scrollTop -= box.top + margin - here.top;
    else if (here.bottom > box.bottom - margin) list.scrollTop += here.bottom - box.bottom + margin;
  }

  const move = (by) => {
    const at = Math.min(shown.length - 1, Math.max(0, shown.indexOf(now) + by));
    go(shown[at], true);
  };
  find('first').addEventListener('click', () => move(-Infinity));
  find('back').addEventListener('click', () => move(-1));
  find('forward').addEventListener('click', () => move(1));
  find('last').addEventListener('click', () => move(Infinity));
  slider.addEventListener('input', () => go(shown[Number(slider.value)], true));
  list.addEventListener('click', (event) => {
    const row = event.target.closest('.row');
    if (row !== null) go(Number(row.dataset.step), false);
  });
  for (const choice of document.querySelectorAll('input[name=level]'))
    choice.addEventListener('change', () => show(Number(choice.value)));
  document.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = event.target;
    // The radio buttons and the slider have a use for the same keys.
    if (target instanceof HTMLInputElement) return;
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    const inList = list.contains(target) || target === document.body || target.closest('.player') !== null;
    const isUpright = event.key === 'ArrowUp' || event.key === 'ArrowDown';
    if (!(event.key in moves) || !inList || (isUpright && !list.contains(target))) return;
    event.preventDefault();
    move(moves[event.key]);
  });
  for (const button of document.querySelectorAll('button[data-copy]')) {
    button.addEventListener('click', async () => {
      const code = find(button.dataset.copy);
      const mark = button.textContent;
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        document.execCommand('copy');
      }
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = mark; }, 1500);
    });
  }
  for (const part of document.querySelectorAll('.needs-script')) part.hidden = false;
  show(data.level);
  go(now, true);
})();
`;
