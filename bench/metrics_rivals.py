"""cigli's metrics beside the packages that they are usually taken from. bench/metrics runs it and says how.

`measure` starts everything else as processes of its own, cigli's and the packages' in turn, and itself imports nothing
large: a process's peak memory counts what its parent held when it was started.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

CONVOLUTIONS = pathlib.Path(__file__).parent.parent / "tests/data/inception_convolutions.txt"


# What is measured on, made by formulas and fixed seeds.


def feature_rows(seed, rows, dimensions):
    """Mixed Gaussians of a spectrum that decays as of real features; odd seeds are mixed a little differently."""
    import numpy as np

    def matrix(number):
        return np.random.default_rng(number).normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)

    mixing = matrix(1000) + (seed % 2) * 0.1 * matrix(1001)
    scales = np.arange(1, dimensions + 1) ** -0.75
    made = np.empty((rows, dimensions), np.float32)
    random = np.random.default_rng(seed)
    for start in range(0, rows, 1000):
        part = made[start : start + 1000]
        part[:] = 0.4 + 0.01 * (seed % 2) + (random.normal(size=part.shape) * scales) @ mixing
    return made


def make_rows(out, seed, rows, dimensions):
    import numpy as np

    np.save(out, feature_rows(int(seed), int(rows), int(dimensions)))


def make_statistics(out, rows):
    """As `pytorch-fid --save-stats` writes them."""
    import numpy as np

    values = np.load(rows).astype(np.float64)
    np.savez_compressed(out, mu=values.mean(0), sigma=np.cov(values, rowvar=False))


def make_images(folder, count):
    """Noise of about the spectrum of photographs, 256x256, mostly grey."""
    import numpy as np
    from PIL import Image

    side = 256
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]) * side
    for i in range(int(count)):
        noise = np.random.default_rng([7, i]).normal(size=(4, side, side))
        smooth = np.fft.irfft2(np.fft.rfft2(noise) / (1 + frequency) ** 1.2, (side, side))
        smooth /= smooth.std((1, 2), keepdims=True)
        pixels = 120 + 45 * smooth[:1] + 20 * smooth[1:] + noise[1:]
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)).save(f"{folder}/{i:05}.png")


def formula_uniform(name, shape):
    """The numbers of tests/formula_weights.h."""
    import numpy as np

    start = 14695981039346656037
    for byte in f"bench:{name}".encode():
        start = (start ^ byte) * 1099511628211 % 2**64
    z = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float64) / 2**24).reshape(shape)


def inception_tensors():
    import numpy as np

    def convolution(name, shape):
        return (2 * formula_uniform(name, shape) - 1) * np.sqrt(6 / np.prod(shape[1:]))

    tensors = {}
    for line in CONVOLUTIONS.read_text().splitlines():
        name, *numbers = line.split()
        shape = [int(n) for n in numbers]
        tensors[f"{name}.conv.weight"] = convolution(f"{name}.conv.weight", shape)
        for part, low, width in [("weight", 0.75, 0.5), ("running_var", 0.75, 0.5), ("bias", -0.1, 0.2),
                                 ("running_mean", -0.2, 0.4)]:
            tensors[f"{name}.bn.{part}"] = low + width * formula_uniform(f"{name}.bn.{part}", shape[:1])
    tensors["fc.weight"] = convolution("fc.weight", [1008, 2048])
    return {name: values.astype("<f4") for name, values in tensors.items()}


def make_weights(out):
    """Inception's, as safetensors: length of the header, header, data."""
    tensors = inception_tensors()
    header, end = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [end, end + values.nbytes]}
        end += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(out, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in tensors.values():
            file.write(values.tobytes())


def read_weights(path):
    import numpy as np

    data = pathlib.Path(path).read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    return {name: np.frombuffer(data, "<f4", int(np.prod(entry["shape"])), begin + entry["data_offsets"][0])
            .reshape(entry["shape"]) for name, entry in json.loads(data[8:begin]).items()}


# The rivals. Each prints one line of JSON, its last.


def all_cores():
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    return torch


def rival_versions():
    import numpy
    import scipy
    import sklearn
    import torch

    return {module.__name__: module.__version__ for module in (torch, numpy, scipy, sklearn)}


def rival_frechet(real, generated):
    import numpy as np
    from pytorch_fid.fid_score import calculate_frechet_distance

    all_cores()
    start = time.perf_counter()
    arrays = [np.load(path)[key] for path in (real, generated) for key in ("mu", "sigma")]
    read = time.perf_counter()
    try:
        value = float(calculate_frechet_distance(*arrays))
    except ValueError as failure:  # an imaginary part that is too large
        value = str(failure)
    end = time.perf_counter()
    return {"value": value, "reading_and_distance": end - start, "distance": end - read}


def inception_network(torch, weights):
    from pytorch_fid import inception

    state = {name: torch.from_numpy(values.copy()) for name, values in read_weights(weights).items()}
    state["fc.bias"] = torch.zeros(1008)
    for name in [name for name in state if name.endswith(".running_mean")]:
        state[name.replace("running_mean", "num_batches_tracked")] = torch.tensor(0)
    inception.load_state_dict_from_url = lambda *_, **__: state  # in place of downloading
    return inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])


def rival_features(weights, images, out, workers, layout):
    import numpy as np
    from pytorch_fid import fid_score

    torch = all_cores()
    model = inception_network(torch, weights).to(memory_format=getattr(torch, layout))
    files = sorted(pathlib.Path(images).glob("*.png"))
    start = time.perf_counter()
    mu, sigma = fid_score.calculate_activation_statistics(files, model, 50, 2048, "cpu", int(workers))
    seconds = time.perf_counter() - start
    np.savez(out, mu=mu, sigma=sigma)
    return {"seconds": seconds}


def convolution_limit(weights):
    """Multiplications in the convolutions of one image, and how many a second a large matrix product does here."""
    torch = all_cores()
    counted = []
    model = inception_network(torch, weights).eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(
                lambda layer, _, made: counted.append(made.numel() * layer.weight[0].numel()))
    side = 4096
    a, b = torch.rand(side, side), torch.rand(side, side)
    seconds = []
    with torch.no_grad():
        model(torch.zeros(1, 3, 299, 299))
        for _ in range(5):
            start = time.perf_counter()
            torch.mm(a, b)
            seconds.append(time.perf_counter() - start)
    return {"per_image": sum(counted), "per_second": side**3 / min(seconds)}


def rival_prdc(real, generated):
    import numpy as np
    from prdc import compute_prdc

    # In float32 rounding would decide which of two near distances is the smaller one, and scikit-learn is slower.
    a, b = (np.load(path).astype(np.float64) for path in (real, generated))
    start = time.perf_counter()
    values = compute_prdc(real_features=a, fake_features=b, nearest_k=5)
    return {"seconds": time.perf_counter() - start, "values": {name: float(value) for name, value in values.items()}}


def rival_differences(a, b):
    """Of two files of statistics."""
    import numpy as np

    with np.load(a) as x, np.load(b) as y:
        return {key: float(np.linalg.norm(x[key] - y[key]) / np.linalg.norm(y[key])) for key in ("mu", "sigma")}


# Measuring.


def run(command):
    """Its seconds, its peak memory in bytes and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            sys.exit(f"metrics: {' '.join(map(str, command))} failed:\n{errors.read().decode()}")
        return seconds, 1024 * usage.ru_maxrss, out.read().decode()


def python(*arguments):
    return [sys.executable, __file__, *arguments]


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def spread(values):
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values), "all": values}


def between(a, b):
    return abs(a - b) / max(abs(a), abs(b), sys.float_info.min)


class Bench:
    def __init__(self, options):
        self.work, self.cigli, self.repeats = options.work, options.cigli, options.repeats
        version = run([self.cigli, "--version"])[2].strip().splitlines()
        processor = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
        self.results = {"machine": {"processor": processor, "cores": len(os.sched_getaffinity(0)),
                                    "load_before": os.getloadavg()[0]},
                        "program": version, "rivals": last_json(run(python("rival-versions"))[2]),
                        "quick": options.quick, "rounds": self.repeats}
        machine = self.results["machine"]
        print(f"{version[0]} ({version[-1]})")
        print(f"on {machine['cores']} core(s) of {processor}, load {machine['load_before']:.1f}")
        print("beside " + ", ".join(f"{name} {number}" for name, number in self.results["rivals"].items()))
        print("median of the rounds (lowest to highest)")

    def made(self, name, maker, *arguments):
        """The file or folder of this name in the work folder, made unless it is there."""
        path = self.work / name
        if not path.exists():
            part = self.work / f"part-{name}"
            if not path.suffix:
                part.mkdir(exist_ok=True)
            run(python(maker, part, *arguments))
            part.rename(path)
        return path

    def evaluate(self, *arguments):
        return [self.cigli, "evaluate", *arguments, "--json"]

    def rounds(self, contenders):
        """Each contender in turn, round by round: a list of (seconds, peak, output) by name."""
        runs = {name: [] for name in contenders}
        for _ in range(self.repeats):
            for name, command in contenders.items():
                runs[name].append(run(command))
        return runs

    def title(self, text):
        print(f"\n{text}")

    def line(self, name, values, unit="s"):
        found = spread(values)
        around = f"({found['lowest']:.2f} to {found['highest']:.2f})"
        print(f"  {name:<46} {found['median']:9.2f} {unit}  {around}", flush=True)
        return found

    def save(self, part, result):
        self.results[part] = result
        (self.work / "metrics.json").write_text(json.dumps(self.results, indent=1) + "\n")

    def rows_of(self, rows, dimensions):
        name = f"rows-{rows}x{dimensions}"
        return [self.made(f"{name}-{seed}.npy", "make-rows", seed, rows, dimensions) for seed in (0, 1)]

    def frechet(self, rows, dimensions):
        def files(count, width):
            sets = self.rows_of(count, width)
            return [self.made(f"{path.stem}.npz", "make-statistics", path) for path in sets]

        def command(paths):
            return self.evaluate("--real-stats", paths[0], "--generated-stats", paths[1], "--metrics", "fid")

        real, generated = files(rows, dimensions)
        runs = self.rounds({"start": command(files(100, 2)), "cigli": command([real, generated]),
                            "pytorch-fid": python("rival-frechet", real, generated)})
        rival = [last_json(output) for _, _, output in runs["pytorch-fid"]]
        a, b = self.rows_of(rows, dimensions)
        exact = last_json(run(self.evaluate("--real-features", a, "--generated-features", b, "--metrics", "fid",
                                            "--no-intervals"))[2])["fid"]["value"]
        value, other = last_json(runs["cigli"][0][2])["fid"]["value"], rival[0]["value"]

        self.title(f"Fréchet distance of two statistics, {dimensions} features of {rows:,} rows")
        whole = [seconds for seconds, _, _ in runs["cigli"]]
        result = {"cigli": self.line("cigli, whole process", whole),
                  "cigli_without_start": self.line("cigli, without its start", [
                      seconds - start for seconds, (start, _, _) in zip(whole, runs["start"])]),
                  "pytorch_fid": self.line("pytorch-fid, whole process", [s for s, _, _ in runs["pytorch-fid"]]),
                  "pytorch_fid_without_start": self.line("pytorch-fid, reading and distance", [
                      found["reading_and_distance"] for found in rival]),
                  "pytorch_fid_distance": self.line("pytorch-fid, distance alone", [
                      found["distance"] for found in rival]),
                  "value": value, "pytorch_fid_value": other, "value_from_rows": exact}
        print(f"  cigli {value:.12g}, from the rows themselves {exact:.12g}: apart by {between(value, exact):.1e}")
        if isinstance(other, float):
            result["apart"] = between(value, other)
            print(f"  pytorch-fid {other:.12g}: apart by {between(value, other):.1e}, "
                  f"from the rows by {between(exact, other):.1e}")
        else:
            print(f"  pytorch-fid fails: {other}")
        return result

    def features(self, count):
        sizes = {"all": count, "few": max(2, count // 4)}
        weights = self.made("inception.safetensors", "make-weights")
        folders = {size: self.made(f"images-{number}", "make-images", number) for size, number in sizes.items()}
        cores = self.results["machine"]["cores"]

        def cigli(dtype):
            return lambda size, out: [
                self.cigli, "evaluate", "reference", "--data", folders[size], "--features", "inception",
                "--weights", weights, "--resampling", "torch-bilinear", "--dtype", dtype, "--out", out,
                "--threads", cores]

        def rival(layout, workers):
            return lambda size, out: python("rival-features", weights, folders[size], out, workers, layout)

        ways = {f"cigli, {dtype}": cigli(dtype) for dtype in ("float32", "bfloat16")}
        ways.update({f"pytorch-fid, {layout}, {workers} workers": rival(layout, workers)
                     for layout in ("contiguous_format", "channels_last") for workers in (0, 2)})

        def output(name, size):
            return self.work / f"{size}-{name.replace(', ', '-').replace(' ', '-')}.npz"

        runs = self.rounds({(name, size): way(size, output(name, size))
                            for name, way in ways.items() for size in sizes})
        seconds = {key: [s for s, _, _ in found] for key, found in runs.items()}
        more = sizes["all"] - sizes["few"]
        result = {"images": sizes, "whole": {}, "without_start": {}, "peak_bytes": {}, "apart": {}}
        self.title(f"Inception's features of {count} PNG 256x256, whole process with mean and covariance")
        for name in ways:
            result["whole"][name] = self.line(name, [count / s for s in seconds[name, "all"]], "images/s")
            result["peak_bytes"][name] = max(peak for _, peak, _ in runs[name, "all"])
        self.title(f"The same without start and loading: {count} images less {sizes['few']}")
        for name in ways:
            apart = [x - y for x, y in zip(seconds[name, "all"], seconds[name, "few"])]
            if min(apart) > 0:
                result["without_start"][name] = self.line(name, [more / s for s in apart], "images/s")
            else:
                print(f"  {name:<46} too few images to tell")
        limit = last_json(run(python("convolution-limit", weights))[2])
        result["limit"] = {**limit, "images_per_second": limit["per_second"] / limit["per_image"]}
        print(f"  its convolutions at the speed of a float32 matrix product: "
              f"{result['limit']['images_per_second']:.1f} images/s ({limit['per_image'] / 1e9:.2f}e9 multiplications "
              f"each, {limit['per_second'] / 1e9:.0f}e9 a second)")
        reference = output("pytorch-fid, contiguous_format, 0 workers", "all")
        for name in ways:
            if output(name, "all") != reference:
                found = last_json(run(python("rival-differences", output(name, "all"), reference))[2])
                result["apart"][name] = found
                print(f"  {name}: from pytorch-fid mean apart by {found['mu']:.1e}, covariance by {found['sigma']:.1e}")
        between_types = last_json(run(self.evaluate(
            "--real-stats", output("cigli, float32", "all"), "--generated-stats", output("cigli, bfloat16", "all"),
            "--metrics", "fid"))[2])["fid"]["value"]
        result["frechet_float32_bfloat16"] = between_types
        print(f"  Fréchet distance between cigli's float32 and bfloat16: {between_types:.3g}")
        return result

    def prdc(self, rows, few, dimensions):
        def command(paths):
            return self.evaluate("--real-features", paths[0], "--generated-features", paths[1], "--metrics", "prdc",
                                 "--no-intervals")

        def line(name, runs):
            most = max(peak for _, peak, _ in runs)
            print(f"  {name + ', peak memory':<46} {most / 1e9:9.2f} GB", flush=True)
            return most

        fewer = self.rows_of(few, dimensions)
        runs = self.rounds({"start": command(self.rows_of(100, 2)), "cigli": command(fewer),
                            "prdc": python("rival-prdc", *fewer)})
        rival = [last_json(output) for _, _, output in runs["prdc"]]
        found = last_json(runs["cigli"][0][2])["prdc"]
        values = {name: found[name]["value"] for name in rival[0]["values"]}
        self.title(f"PRDC of {few:,} and {few:,} rows of {dimensions} features")
        whole = [seconds for seconds, _, _ in runs["cigli"]]
        result = {"cigli": self.line("cigli, whole process", whole),
                  "cigli_without_start": self.line("cigli, without its start", [
                      seconds - start for seconds, (start, _, _) in zip(whole, runs["start"])]),
                  "cigli_peak_bytes": line("cigli", runs["cigli"]),
                  "prdc": self.line("prdc, whole process", [seconds for seconds, _, _ in runs["prdc"]]),
                  "prdc_alone": self.line("prdc, without its start and reading", [r["seconds"] for r in rival]),
                  "prdc_peak_bytes": line("prdc", runs["prdc"]),
                  "values": values, "prdc_values": rival[0]["values"]}
        print("  " + ", ".join(f"{name} {value:.6g}" for name, value in values.items()))
        apart = max(between(values[name], value) for name, value in rival[0]["values"].items())
        result["apart"] = apart
        print("  prdc finds the same" if apart < 1e-12 else f"  prdc finds {rival[0]['values']}: apart by {apart:.1e}")

        self.title(f"PRDC of {rows:,} and {rows:,} rows of {dimensions} features, once")
        large = run(command(self.rows_of(rows, dimensions)))
        self.line("cigli, whole process", [large[0]])
        result["large"] = {"rows": rows, "seconds": large[0], "peak_bytes": line("cigli", [large])}
        return result


def measure(arguments):
    def at_least(least):
        def number(text):
            if int(text) < least:
                raise argparse.ArgumentTypeError(f"{text}, expected at least {least}")
            return int(text)

        return number

    parser = argparse.ArgumentParser(prog="metrics")
    parser.add_argument("--cigli", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=["frechet", "features", "prdc"])
    parser.add_argument("--images", type=at_least(8))
    parser.add_argument("--repeats", type=at_least(1))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    options.cigli, options.work = options.cigli.resolve(), options.work.resolve()
    options.images = options.images or (8 if options.quick else 128)
    options.repeats = options.repeats or (2 if options.quick else 5)
    dimensions, rows, rows_singular = (128, 500, 60) if options.quick else (2048, 5000, 1000)
    prdc_rows, prdc_few = (2000, 500) if options.quick else (50000, 10000)

    bench = Bench(options)
    if options.only in (None, "frechet"):
        bench.save("frechet", bench.frechet(rows, dimensions))
        bench.save("frechet_singular", bench.frechet(rows_singular, dimensions))
    if options.only in (None, "features"):
        bench.save("features", bench.features(options.images))
    if options.only in (None, "prdc"):
        bench.save("prdc_64", bench.prdc(prdc_rows, prdc_few, 64))
        if options.full:
            bench.save("prdc_2048", bench.prdc(prdc_rows, prdc_few, 2048))
    print(f"\nwrote {options.work / 'metrics.json'}")


def main():
    parts = {"make-rows": make_rows, "make-statistics": make_statistics, "make-images": make_images,
             "make-weights": make_weights, "rival-versions": rival_versions, "rival-frechet": rival_frechet,
             "rival-features": rival_features, "convolution-limit": convolution_limit, "rival-prdc": rival_prdc,
             "rival-differences": rival_differences}
    name, *arguments = sys.argv[1:] or [""]
    if name == "measure":
        measure(arguments)
    elif name in parts:
        print(json.dumps(parts[name](*arguments)))
    else:
        sys.exit("metrics_rivals.py is run by bench/metrics")


if __name__ == "__main__":
    main()
