"""Pulih beside other backup tools: the same data, the same machine, one run.

The rooms, in the order in which a run walks through them:

    places    where peers, data and results lie; what machine and which commit this is
    install   brings the peers here from the package registries that the machine is set up for
    tools     each tool's command lines
    content   bytes to fill files with: texts, SQL dumps, disk images
    overlay   day 2 of a data set, swapped in and out by rename
    datasets  office, manyfiles and dump
    manifest  what a tree holds, to check a restore against
    measure   one command's cost
    box       one tool with an empty store on one tree
    phases    the run itself
    limits    what this machine can do at best
    extra     questions put to Pulih alone
    results   medians out of the records
    targets   what Pulih has promised
    report    all of it as Markdown

Standard library only, so that it runs on a bare server next to what it measures.
"""
