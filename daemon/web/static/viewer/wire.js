// Reads what BASE/pixels sends: the source's own values, and the tables that make grays of them.

const HEAD_BYTES = 4;
const ALIGNMENT = 4;

/**
 * Return the image of an answer: its header, and per index of the tables `modality` (float32, the units of
 * window center and width) and `grays` (uint8, what was analyzed); `values` are the indices, row by row.
 */
export function imageOf(buffer) {
  const headerBytes = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEAD_BYTES, headerBytes)));
  const modalityAt = HEAD_BYTES + headerBytes;
  const graysAt = modalityAt + header.count * Float32Array.BYTES_PER_ELEMENT;
  const valuesAt = graysAt + Math.ceil(header.count / ALIGNMENT) * ALIGNMENT;
  return {
    rows: header.rows,
    columns: header.columns,
    pixelAspect: header.pixel_aspect,
    window: header.window,
    inverted: header.inverted,
    modality: new Float32Array(buffer, modalityAt, header.count),
    grays: new Uint8Array(buffer, graysAt, header.count),
    values: new Uint16Array(buffer, valuesAt, header.rows * header.columns),
  };
}
