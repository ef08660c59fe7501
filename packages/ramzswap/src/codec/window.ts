/**
 * Windows: the only bytes a codec may touch.
 *
 * A codec works in place on the arena, where the neighbours of a page are other threads' pages. Each codec function
 * is given an offset and a length and checks once, at its entrance, that this window lies inside the array; after
 * that its own limits are relative to the window, so a damaged stream cannot reach a neighbour.
 *
 * A window outside its array is a bug of the caller, not bad data: it throws.
 */

/**
 * Checks that a window lies inside an array.
 *
 * @param what the name of the window for the message, for example `input`
 * @param arrayLength length of the array in its own elements
 * @param offset first element of the window
 * @param length elements in the window, 0 or more
 * @throws RangeError when offset or length is negative or not an integer, or the window passes the end of the array
 */
export function assertWindow(what: string, arrayLength: number, offset: number, length: number): void {
  if (
    !Number.isInteger(offset) ||
    !Number.isInteger(length) ||
    offset < 0 ||
    length < 0 ||
    length > arrayLength - offset
  ) {
    throw new RangeError(
      `codec: the ${what} window [${String(offset)}, +${String(length)}) is not inside an array of ${String(arrayLength)} elements`,
    );
  }
}
