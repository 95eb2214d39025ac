"""What can be wrong with an instance, its file or its pixels: a code for programs, and words for people."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from dicom_io.details import Details, in_words


class Defect(StrEnum):
    """What is wrong with an instance, or ended its decoding."""

    # its file
    FILE_UNREADABLE = "file_unreadable"
    FILE_SHRANK = "file_shrank"
    FILE_NOT_SENDABLE = "file_not_sendable"
    PREFIX_ABSENT = "prefix_absent"
    DATA_SET_ABSENT = "data_set_absent"
    DATA_SET_NOT_SENT = "data_set_not_sent"
    DATA_SET_TOO_LONG = "data_set_too_long"
    DEFLATED_TRUNCATED = "deflated_truncated"
    DEFLATED_TOO_LONG = "deflated_too_long"
    DEFLATED_BROKEN = "deflated_broken"
    # its header
    HEADER_TRUNCATED = "header_truncated"
    ELEMENTS_TOO_MANY = "elements_too_many"
    ELEMENT_BEYOND_FILE = "element_beyond_file"
    ITEM_MISPLACED = "item_misplaced"
    ITEM_ABSENT = "item_absent"
    FRAGMENT_WITHOUT_LENGTH = "fragment_without_length"
    SEQUENCES_TOO_DEEP = "sequences_too_deep"
    UID_ABSENT = "uid_absent"
    UID_INVALID = "uid_invalid"
    # its pixel data
    PIXELS_ABSENT = "pixels_absent"
    PIXELS_TRUNCATED = "pixels_truncated"
    PIXELS_WITHOUT_END = "pixels_without_end"
    PIXELS_TOO_LONG = "pixels_too_long"
    PIXELS_ENCAPSULATED = "pixels_encapsulated"
    PIXELS_NOT_ENCAPSULATED = "pixels_not_encapsulated"
    SYNTAX_NOT_DECODED = "syntax_not_decoded"
    FRAMES_OR_SAMPLES = "frames_or_samples"
    IMAGE_SIZE = "image_size"
    BITS_ALLOCATED = "bits_allocated"
    BITS_CONTRADICT = "bits_contradict"
    # its compressed frame
    FRAGMENTS_BROKEN = "fragments_broken"
    CODESTREAM_ABSENT = "codestream_absent"
    CODESTREAM_PRECISION = "codestream_precision"
    CODESTREAM_TOO_PRECISE = "codestream_too_precise"
    CODESTREAM_SIZE = "codestream_size"
    SAMPLES_CONTRADICT = "samples_contradict"
    DECODER_FAILED = "decoder_failed"
    DECODER_DISOBEYED = "decoder_disobeyed"
    JPEG_KIND = "jpeg_kind"
    JPEG_HEADER_ABSENT = "jpeg_header_absent"
    JPEG_END_ABSENT = "jpeg_end_absent"
    JPEG_ENDS_EARLY = "jpeg_ends_early"
    JPEG_2000_SIZE_ABSENT = "jpeg_2000_size_absent"
    JPEG_2000_TILES_ABSENT = "jpeg_2000_tiles_absent"
    JPEG_2000_SUBSAMPLED = "jpeg_2000_subsampled"
    JPEG_2000_TILES_MISSING = "jpeg_2000_tiles_missing"
    JPEG_2000_TILE_SHORT = "jpeg_2000_tile_short"
    RLE_HEADER_SHORT = "rle_header_short"
    RLE_OFFSETS = "rle_offsets"
    RLE_SEGMENT_COUNT = "rle_segment_count"
    RLE_SEGMENT_BROKEN = "rle_segment_broken"
    RLE_SEGMENT_SHORT = "rle_segment_short"
    # a picture in its place
    PICTURES_NOT_READ = "pictures_not_read"
    PICTURE_UNREADABLE = "picture_unreadable"
    # what became of its decoding
    DECODING_TOO_LONG = "decoding_too_long"
    DECODING_TOO_LARGE = "decoding_too_large"
    DECODING_CRASHED = "decoding_crashed"
    DECODING_FAILED = "decoding_failed"
    DECODING_INTERRUPTED = "decoding_interrupted"
    DECODING_NOT_STARTED = "decoding_not_started"


def defect_words(defect: Defect, details: Details) -> str:
    """Return what is wrong as one plain clause, fit for the log, the page and the report.

    Raises
    ------
    KeyError
        A detail that the words need is not there.
    """
    return DEFECT_WORDS[defect].format_map(in_words(details))


DEFECT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Defect.FILE_UNREADABLE: "the file cannot be read: {error}",
        Defect.FILE_SHRANK: "the file became shorter while it was read",
        Defect.FILE_NOT_SENDABLE: "the file cannot be sent: {exception}",
        Defect.PREFIX_ABSENT: "no DICOM Part 10 file: the DICM prefix after 128 bytes is absent",
        Defect.DATA_SET_ABSENT: "the file ends after its file meta information: it holds no data set",
        Defect.DATA_SET_NOT_SENT: "the C-STORE request has no data set",
        Defect.DATA_SET_TOO_LONG: "the data set is larger than the {most_bytes} bytes allowed",
        Defect.DEFLATED_TRUNCATED: "the deflated data set is truncated",
        Defect.DEFLATED_TOO_LONG: "the deflated data set inflates to more than {most_bytes} bytes",
        Defect.DEFLATED_BROKEN: "the deflated data set cannot be inflated",
        Defect.HEADER_TRUNCATED: "the header is truncated at byte {position}: "
        "{expected_bytes} bytes expected, {present_bytes} present",
        Defect.ELEMENTS_TOO_MANY: "more than {most} elements before the pixel data",
        Defect.ELEMENT_BEYOND_FILE: "an element is longer than the file",
        Defect.ITEM_MISPLACED: "an item or a delimiter stands where none can",
        Defect.ITEM_ABSENT: "a sequence holds something that is no item",
        Defect.FRAGMENT_WITHOUT_LENGTH: "a fragment has no length",
        Defect.SEQUENCES_TOO_DEEP: "sequences are nested more than {most} deep",
        Defect.UID_ABSENT: "{keyword} is missing or empty",
        Defect.UID_INVALID: "{keyword} is not a UID: "
        "expected 1 to 64 digits in groups divided by single dots",
        Defect.PIXELS_ABSENT: "the instance has no pixel data",
        Defect.PIXELS_TRUNCATED: "PixelData is truncated: {present_bytes} bytes present, "
        "{expected_bytes} expected",
        Defect.PIXELS_WITHOUT_END: "PixelData is truncated: {present_bytes} bytes present, its sequence "
        "delimiter is not",
        Defect.PIXELS_TOO_LONG: "PixelData has {present_bytes} bytes: up to {most_bytes} are read",
        Defect.PIXELS_ENCAPSULATED: "PixelData is encapsulated, but the transfer syntax is uncompressed",
        Defect.PIXELS_NOT_ENCAPSULATED: "PixelData is not encapsulated, but the transfer syntax is "
        "compressed",
        Defect.SYNTAX_NOT_DECODED: "transfer syntax {transfer_syntax_uid} is not decoded here",
        Defect.FRAMES_OR_SAMPLES: "{frames} frames of {samples} samples per pixel: expected one of each",
        Defect.IMAGE_SIZE: "an image of {rows} x {columns} pixels is not decoded: "
        "expected 1 to {most_pixels}",
        Defect.BITS_ALLOCATED: "BitsAllocated is {bits_allocated}: expected 8 or 16",
        Defect.BITS_CONTRADICT: "BitsStored {bits_stored} and HighBit {high_bit} do not fit into "
        "BitsAllocated {bits_allocated}",
        Defect.FRAGMENTS_BROKEN: "the fragments of the pixel data cannot be put together",
        Defect.CODESTREAM_ABSENT: "the frame holds no JPEG, JPEG-LS or JPEG 2000 codestream",
        Defect.CODESTREAM_PRECISION: "the codestream has {precision} bits per sample: expected 1 to {most}",
        Defect.CODESTREAM_TOO_PRECISE: "the codestream has {precision} bits per sample, the header allocates "
        "{bits_allocated}",
        Defect.CODESTREAM_SIZE: "the codestream holds {coded_rows} x {coded_columns} x {coded_samples} "
        "samples, the header says {rows} x {columns} x 1",
        Defect.SAMPLES_CONTRADICT: "the codestream holds {is_coded_signed} samples of {precision} bits, "
        "which cannot be read as the header says: {is_signed}, BitsStored {bits_stored}, "
        "HighBit {high_bit}, BitsAllocated {bits_allocated}",
        Defect.DECODER_FAILED: "the {coding} decoder failed on the compressed frame",
        Defect.DECODER_DISOBEYED: "the {coding} decoder gave another array than it was asked to fill",
        Defect.JPEG_KIND: "JPEG frames of the kind 0xFF{marker:02X} are not decoded here",
        Defect.JPEG_HEADER_ABSENT: "the JPEG codestream has no frame header",
        Defect.JPEG_END_ABSENT: "the JPEG codestream is cut short: it has no end marker",
        Defect.JPEG_ENDS_EARLY: "the JPEG codestream is cut short: its data ends before its last row",
        Defect.JPEG_2000_SIZE_ABSENT: "the JPEG 2000 codestream has no image size",
        Defect.JPEG_2000_TILES_ABSENT: "the JPEG 2000 codestream has no tiles",
        Defect.JPEG_2000_SUBSAMPLED: "the JPEG 2000 codestream has fewer samples than pixels",
        Defect.JPEG_2000_TILES_MISSING: "the JPEG 2000 codestream is cut short: tiles are missing",
        Defect.JPEG_2000_TILE_SHORT: "the JPEG 2000 codestream is cut short within a tile",
        Defect.RLE_HEADER_SHORT: "the RLE frame is shorter than its header",
        Defect.RLE_OFFSETS: "the RLE header points outside its frame",
        Defect.RLE_SEGMENT_COUNT: "the RLE frame has {segments} segments: "
        "{bits_allocated} bits need {needed}",
        Defect.RLE_SEGMENT_BROKEN: "a segment of the RLE frame is broken, or longer than the image",
        Defect.RLE_SEGMENT_SHORT: "a segment of the RLE frame gives {present_bytes} bytes for "
        "{pixels} pixels",
        Defect.PICTURES_NOT_READ: "pictures are not read here",
        Defect.PICTURE_UNREADABLE: "{words}",
        Defect.DECODING_TOO_LONG: "decoding took more than {cpu_seconds} s of processor time "
        "or {wall_seconds} s, and was stopped",
        Defect.DECODING_TOO_LARGE: "decoding takes more than {most_bytes:,} bytes of memory",
        Defect.DECODING_CRASHED: "the decoder crashed on the frame ({signal})",
        Defect.DECODING_FAILED: "decoding failed with {exception}",
        Defect.DECODING_INTERRUPTED: "the process that was decoding ended without an answer",
        Defect.DECODING_NOT_STARTED: "the process that decodes does not start",
    }
)
