"""The main job as a show: a shop in a sandbox, what its merchant does, and a judge that knows no connector code."""
