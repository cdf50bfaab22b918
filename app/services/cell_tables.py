"""The cells of an analysis as a Parquet file, written while it is sent.

pyarrow takes a while and 60 MB to load: import this module when such a file is asked for.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from app.reports.content import RESEARCH_USE
from app.services.analysis_cells import AnalysisCellView
from app.services.cell_columns import CellColumn, Kind, columns_for, values_of

PAGES_PER_GROUP: Final = 10
"""20,000 cells in a row group: enough to compress, little to hold."""
ARROW_TYPES: Final = {
    Kind.TEXT: "string",
    Kind.INTEGER: "int64",
    Kind.NUMBER: "float64",
    Kind.BOOLEAN: "bool",
}


def parquet_pieces(
    pages: Iterator[tuple[AnalysisCellView, ...]], outlets: Sequence[int]
) -> Iterator[bytes]:
    """The file in pieces, one or more for each row group; columns carry their unit and meaning."""
    schema = _schema(columns_for(outlets))
    drained = _Drained()
    with parquet.ParquetWriter(pa.PythonFile(drained, mode="w"), schema) as writer:
        while group := tuple(islice(pages, PAGES_PER_GROUP)):
            batches = [_batch(page, outlets, schema) for page in group if page]
            writer.write_table(pa.Table.from_batches(batches, schema))
            yield drained.take()
    yield drained.take()


def _schema(columns: Sequence[CellColumn]) -> pa.Schema:
    return pa.schema([
        pa.field(
            column.name,
            pa.type_for_alias(ARROW_TYPES[column.kind]),
            metadata={"unit": column.unit or "", "meaning": column.meaning},
        )
        for column in columns
    ], metadata={"label": RESEARCH_USE})  # fmt: skip


def _batch(
    cells: Sequence[AnalysisCellView], outlets: Sequence[int], schema: pa.Schema
) -> pa.RecordBatch:
    by_column = zip(*(values_of(cell, outlets) for cell in cells), strict=True)
    arrays = [pa.array(values, field.type) for values, field in zip(by_column, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class _Drained:
    """A file to write to that gives away what was written since it was last asked."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._n_bytes = 0

    def write(self, data: bytes) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._n_bytes += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._n_bytes

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
