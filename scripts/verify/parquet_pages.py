"""Reads the page headers of a Parquet file from its bytes, because pyarrow does not show them.

Implements the part of Thrift's compact protocol that PageHeader of the Parquet format uses.
"""


def _varint(buf, pos):
    value = shift = 0
    while True:
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
        shift += 7


def _zigzag(buf, pos):
    value, pos = _varint(buf, pos)
    return (value >> 1) ^ -(value & 1), pos


def _value(kind, buf, pos):
    if kind in (1, 2):
        return kind == 1, pos
    if kind == 3:
        return buf[pos], pos + 1
    if kind in (4, 5, 6):
        return _zigzag(buf, pos)
    if kind == 7:
        return None, pos + 8
    if kind == 8:
        size, pos = _varint(buf, pos)
        return bytes(buf[pos : pos + size]), pos + size
    if kind in (9, 10):
        size, item = buf[pos] >> 4, buf[pos] & 15
        pos += 1
        if size == 15:
            size, pos = _varint(buf, pos)
        out = []
        for _ in range(size):
            if item in (1, 2):  # in a list a bool is a byte
                out.append(buf[pos] == 1)
                pos += 1
            else:
                one, pos = _value(item, buf, pos)
                out.append(one)
        return out, pos
    if kind == 12:
        return _struct(buf, pos)
    raise ValueError(f"thrift type {kind} in a page header")


def _struct(buf, pos):
    fields, number = {}, 0
    while True:
        head = buf[pos]
        pos += 1
        if head == 0:
            return fields, pos
        if head >> 4:
            number += head >> 4
        else:
            number, pos = _zigzag(buf, pos)
        fields[number], pos = _value(head & 15, buf, pos)


DATA, DICTIONARY, DATA_V2 = 0, 2, 3


def pages(data, chunk):
    """Yields (kind, uncompressed size in bytes, values) for each page of a column chunk (pyarrow's ColumnChunkMetaData)."""
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        start = min(start, chunk.dictionary_page_offset)
    pos, end = start, start + chunk.total_compressed_size
    while pos < end:
        header, body = _struct(data, pos)
        kind = header[1]
        counted = header.get({DATA: 5, DICTIONARY: 7, DATA_V2: 8}.get(kind), {})
        yield kind, header[2], counted.get(1, 0)
        pos = body + header[3]
    if pos != end:
        raise ValueError(f"pages end at {pos}, their chunk at {end}")
