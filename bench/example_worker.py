"""The smallest worker that `cigli bench` can measure: it "draws" by copying the prompt.

    cigli bench --data test --system cigli=runs/first --command "copies=python3 bench/example_worker.py"

Put your own system where the comments say so. docs/efficiency.md has the protocol.
"""

import json
import shutil
import sys


def say(message):
    print(json.dumps(message), flush=True)


# Imports of large libraries belong above this line: what the process occupies now is what memory is measured over.
say({"protocol": 1, "name": "copies of the prompt"})

# Load your model here.
say({"ready": True, "weights_bytes": 0})

for line in sys.stdin:
    try:
        requests = json.loads(line)["generate"]
        for request in requests:  # or all of them as one batch
            shutil.copyfile(request["image"], request["file"])  # your model draws request["text"] here
        say({"done": len(requests)})
    except Exception as error:
        say({"error": str(error)})
