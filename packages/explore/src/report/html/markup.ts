/**
 * Building markup without ever forgetting to escape.
 *
 * Promise: what is put into a `markup` template is text unless it is itself a {@link Markup}; text is escaped for elements and for attributes in
 * double quotes. So a name, a path or a line of source from outside cannot become a tag.
 */

/** A piece of a page that is markup already. */
export class Markup {
  /** The markup, as it stands in the page. */
  readonly source: string;

  /** @param source - trusted markup: nothing that came from outside */
  constructor(source: string) {
    this.source = source;
  }
}

/** What may stand in a {@link markup} template; lists are put one after the other, `null` is nothing. */
export type Content = Markup | string | number | null | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
// Control characters are not allowed in a page, not even as references; they would make it invalid.
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/**
 * Makes text safe inside an element and inside a quoted attribute.
 * @param text - any text
 */
export function escapeText(text: string): string {
  return text.replace(CONTROLS, '\ufffd').replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}

/** Tag of template literals: the literal parts are markup, what is put in is escaped when it is text. */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let source = parts[0] ?? '';
  for (const [index, content] of contents.entries()) source += sourceOf(content) + (parts[index + 1] ?? '');
  return new Markup(source);
}

/**
 * Data for the script of the page, inside of an element that is not run.
 * @param data - anything that JSON can say
 */
export function jsonMarkup(data: unknown): Markup {
  // Nothing in it may end the element or begin a comment.
  const unsafe = /[<>&\u2028\u2029]/g;
  const safe = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return new Markup(JSON.stringify(data).replace(unsafe, safe));
}

function sourceOf(content: Content): string {
  if (content === null) return '';
  if (content instanceof Markup) return content.source;
  if (typeof content === 'object') return content.map(sourceOf).join('');
  return escapeText(String(content));
}
