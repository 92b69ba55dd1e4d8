"""Read-only pages over the ledger, at `/` of a running gateway.

app.py      paths, guard, headers; nothing heavy, so that the gateway stays as small as it is
reader.py   the gateway's end of a child process, started by the first page and gone when nobody looks
worker.py   the child: reads the ledger and renders, at low priority, with an interpreter of its own
pages.py    question -> page; queries.py, series.py and live.py are what it shows
"""
