"""A pack with some of its clauses alone."""
NAME = "kuantan-singingi-33-2020"


def three(work, root, ids):
    """Writes it, and returns its path."""
    with open(f"{root}/policies/packs/{NAME}.toml") as file:
        head, *clauses = file.read().split("\n[[clause]]\n")
    kept = [its for its in clauses if its.split('id = "', 1)[1].split('"', 1)[0] in ids]
    assert len(kept) == len(ids)
    path = f"{work}/{NAME}.toml"
    with open(path, "w") as file:
        file.write("\n[[clause]]\n".join([head, *kept]))
    return path
