"""Links in PDF documents, read in a process of its own.

    links    a PDF's exchange -> its Extraction: one at a time, within limits of size and of time lost
    process  starts the reader when the first PDF comes, asks it, kills it when it hangs
    worker   the reader's side: limits on itself, then document after document
    reading  what a PDF refers to, by pypdf; only the reader imports it

A PDF may be written to hang its readers or to fill their memory, and none can be stopped from within. So none is read
where the crawl runs: what happens to the reader costs one document's links, and its record says why."""
