#!/usr/bin/env python3
"""FHIR R4 patients through the default prompt templates: flattens each bundle into the templates' variables and renders all.

    python3 Tests/Scripts/check_fhir.py BUNDLES... --vial .build/release/vial [--file MODEL.vial] [--lines OUT.jsonl]

BUNDLES are files with one bundle, or with one a line (.jsonl, .jsonl.xz), perhaps in a member "bundle". Values are taken as
the record has them: UCUM units, all digits, dates with times, the record's own flags and reference ranges. --lines also
writes them as requests of `vial batch`. Exit 1 when a template refuses a patient."""
import argparse
import datetime
import json
import lzma
import subprocess
import sys

VITALS = {  # LOINC codes of the measurements that a variable takes
    "heart_rate": ["8867-4"], "respiratory_rate": ["9279-1"], "systolic_pressure": ["8480-6"],
    "diastolic_pressure": ["8462-4"], "oxygen_saturation": ["2708-6", "59408-5"], "oxygen_given": ["3151-8", "3150-6"],
    "temperature": ["8310-5", "8331-1"], "glucose": ["2339-0", "2345-7", "15074-8"], "pain": ["72514-3"]}
WEIGHT, HEIGHT, BMI = ["29463-7"], ["8302-2"], ["39156-5"]
EGFR, CLEARANCE = ["33914-3", "62238-1", "98979-8"], ["2164-2"]
CONSCIOUSNESS = {"LA9340-6": "alert", "LA17108-4": "voice", "LA17107-6": "pain", "LA9343-0": "unresponsive"}
TEMPLATES = ["calculator-explanation", "differential-diagnosis", "discharge-summary", "follow-up-plan", "guideline-question",
             "laboratory-interpretation", "patient-education", "prescription-guidance", "problem-list", "radiology-summary",
             "symptom-analysis", "triage"]


def bundles(path):
    opened = lzma.open(path, "rt", encoding="utf-8") if path.endswith(".xz") else open(path, encoding="utf-8")
    with opened as file:
        texts = file.read().splitlines() if ".jsonl" in path else [file.read()]
    for text in texts:
        value = json.loads(text, parse_float=str)  # as the record spells it
        yield value.get("bundle", value)


def concept(value):
    """A codeable concept in words, with its first code and the system that the code is of."""
    value = value or {}
    coding = (value.get("coding") or [{}])[0]
    words = value.get("text") or coding.get("display") or coding.get("code") or "not stated"
    code = f" [{coding['system']} {coding['code']}]" if "system" in coding and "code" in coding else ""
    return one_line(words) + code


def one_line(text):
    return " ".join(str(text).split())


def codes(value):
    return [coding.get("code") for coding in (value or {}).get("coding", [])]


def quantity(observation):
    """Number, unit, flag and reference range of a measurement, all as the record spells them."""
    value = observation["valueQuantity"]
    words = [value.get("comparator", "") + str(value["value"]), value.get("code") or value.get("unit") or ""]
    words += [code for code in codes((observation.get("interpretation") or [{}])[0])][:1]
    for reference in observation.get("referenceRange", [])[:1]:
        low, high = (reference.get(end, {}).get("value") for end in ("low", "high"))
        if low is not None and high is not None:
            words.append(f"({low} - {high})")
        elif high is not None:
            words.append(f"(<= {high})")
        elif low is not None:
            words.append(f"(>= {low})")
    return " ".join(word for word in words if word)


class Record:
    """The parts of a bundle that templates ask for."""

    def __init__(self, bundle):
        self.resources = [entry["resource"] for entry in bundle["entry"]]
        self.patient = self.of("Patient")[0]
        self.encounters = sorted(self.of("Encounter"), key=lambda each: each["period"]["start"])
        self.visit = self.encounters[-1]
        self.day = self.visit["period"]["start"][:10]
        self.measured = {}  # code -> the latest observation, components by their own
        for each in sorted(self.of("Observation"), key=lambda each: each.get("effectiveDateTime", "")):
            for part in [each] + each.get("component", []):
                for code in codes(part["code"]):
                    self.measured[code] = {"effectiveDateTime": each.get("effectiveDateTime"), **part}

    def of(self, kind):
        return [each for each in self.resources if each["resourceType"] == kind]

    def age(self):
        born, day = (datetime.date.fromisoformat((text + "-01-01")[:10] if len(text) == 4 else text[:10])
                     for text in (self.patient["birthDate"], self.day))
        days = (day - born).days
        if days < 365:
            return f"{days} d"
        return f"{days // 30} mo" if days < 730 else f"{int(days / 365.25)} a"

    def value(self, accepted):
        for code in accepted:
            if "valueQuantity" in self.measured.get(code, {}):
                return quantity(self.measured[code])
        return None

    def conditions(self):
        found = []
        for each in self.of("Condition"):
            status = (codes(each.get("clinicalStatus")) or [""])[0]
            found.append(", ".join(part for part in [
                concept(each["code"]), status, ("since " + each["onsetDateTime"][:10]) if "onsetDateTime" in each else ""] if part))
        return found

    def medications(self):
        active = [each for each in self.of("MedicationRequest") if each.get("status") == "active"]
        found = []
        for each in active or self.of("MedicationRequest")[-3:]:
            dose = (each.get("dosageInstruction") or [{}])[0].get("text", "")
            found.append(one_line(concept(each.get("medicationCodeableConcept")) + " " + dose))
        return found

    def results(self):
        found = []
        for each in self.measured.values():
            kind = [code for category in each.get("category", []) for code in codes(category)]
            if "laboratory" not in kind:
                continue
            if "valueQuantity" in each:
                found.append(one_line(f"{concept(each['code'])}: {quantity(each)}"))
            elif "valueCodeableConcept" in each:
                found.append(f"{concept(each['code'])}: {concept(each['valueCodeableConcept'])}")
        return list(dict.fromkeys(found))

    def complaint(self):
        reasons = [concept(each) for each in self.visit.get("reasonCode", [])]
        return "\n".join(reasons or [concept(each) for each in self.visit.get("type", [])] or ["not stated"])

    def note(self):
        lines = [f"{each['period']['start'][:10]} {concept((each.get('type') or [{}])[0])}" for each in self.encounters]
        lines += [f"{each.get('performedPeriod', {}).get('start', each.get('performedDateTime', ''))[:10]} {concept(each['code'])}"
                  for each in self.of("Procedure")]
        lines += self.conditions()
        lines += [one_line(f"{concept(each['code'])}: {each.get('conclusion', '')}") for each in self.of("DiagnosticReport")]
        return lines


def last_lines(lines, limit, items=10**9):
    """As many of the last lines as fit."""
    kept, room = [], limit
    for line in reversed(lines[-items:]):
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.insert(0, line)
    return "\n".join(kept)


def flattened(record):
    """The variables of each template, without those of which the record says nothing."""
    values = {**from_measurements(record), **from_texts(record)}
    return {name: {key: value for key, value in values[name].items() if value} for name in TEMPLATES}


def common(record):
    return {"age": record.age(), "sex": record.patient.get("gender"), "history": last_lines(record.conditions(), 4000, 40),
            "medications": last_lines(record.medications(), 4000, 60)}


def from_measurements(record):
    vitals = {name: record.value(accepted) for name, accepted in VITALS.items()}
    answers = [code for loinc in ("67775-7", "80288-4")
               for code in codes(record.measured.get(loinc, {}).get("valueCodeableConcept"))]
    vitals["consciousness"] = next((CONSCIOUSNESS[each] for each in answers if each in CONSCIOUSNESS), None)
    shared, results = common(record), last_lines(record.results(), 8000, 60)
    measures = {name: record.value(accepted) for name, accepted in
                (("weight", WEIGHT), ("height", HEIGHT), ("body mass index", BMI))}
    sample = next((each["effectiveDateTime"] for each in reversed(record.measured.values()) if each.get("effectiveDateTime")), None)
    allergies = [concept(each.get("code")) for each in record.of("AllergyIntolerance")]
    triage = {name: shared[name] for name in ("age", "sex", "history")}
    return {
        "triage": {"complaint": record.complaint(), **triage, **vitals},
        "differential-diagnosis": {"findings": last_lines(record.note(), 8000), "results": results, **shared},
        "laboratory-interpretation": {"results": results or "no results recorded", "collected": sample, **shared},
        "prescription-guidance": {
            "indication": record.complaint(), "drug": (record.medications() or ["none planned"])[-1],
            "allergies": "\n".join(allergies) or "none recorded", "medications": shared["medications"] or "none",
            "age": shared["age"], "weight": measures["weight"], "egfr": record.value(EGFR),
            "creatinine_clearance": record.value(CLEARANCE), "conditions": shared["history"]},
        "calculator-explanation": {
            "calculator": "Body mass index (Quetelet)", "result": measures["body mass index"] or "not computed",
            "inputs": "\n".join(f"{name}: {value}" for name, value in measures.items() if value) or "none recorded"}}


def from_texts(record):
    shared, note = common(record), record.note()
    drugs, age = shared["medications"], shared["age"]
    stays = [each for each in record.encounters if each.get("class", {}).get("code") in ("IMP", "ACUTE", "EMER")]
    stay = (stays or record.encounters)[-1]["period"]
    study = (record.of("ImagingStudy") or [{}])[-1]
    return {
        "symptom-analysis": {"complaint": record.complaint(), **shared},
        "problem-list": {"text": last_lines(note, 32000), "written": record.visit["period"]["start"]},
        "follow-up-plan": {"assessment": last_lines(note, 8000), "visit": record.day, "age": age, "medications": drugs},
        "discharge-summary": {"notes": last_lines(note, 48000), "admitted": stay["start"], "discharged": stay["end"],
                              "age": age, "sex": shared["sex"], "medications_at_discharge": drugs or "none"},
        "radiology-summary": {"report": last_lines(note, 16000), "examined": study.get("started", record.day),
                              "modality": study.get("series", [{}])[0].get("modality", {}).get("code")},
        "guideline-question": {"question": "What has to be monitored in this patient?", "excerpts": last_lines(note, 8000)},
        "patient-education": {"topic": one_line((record.conditions() or ["health"])[-1])[:300],
                              "answer_language": language(record)}}


def language(record):
    spoken = record.patient.get("communication") or [{}]
    tag = (codes(spoken[0].get("language")) or ["en"])[0]
    return tag.split("-")[0]


def render(vial, file, template, variables):
    """None, or why the template refuses the values."""
    settings = [part for name, value in variables.items() for part in ("--set", f"{name}={value}")]
    done = subprocess.run([vial, "template", "render", template, *([file] if file else []), *settings],
                          capture_output=True, check=False)
    return None if done.returncode == 0 else done.stderr.decode().strip().splitlines()[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--vial", required=True)
    parser.add_argument("--file")
    parser.add_argument("--lines")
    arguments = parser.parse_args()
    lines, refused, patients = [], 0, 0
    for path in arguments.bundles:
        for bundle in bundles(path):
            patients += 1
            for template, variables in flattened(Record(bundle)).items():
                lines.append({"id": f"{patients}|{template}", "template": template, "variables": variables})
                why = render(arguments.vial, arguments.file, template, variables)
                if why:
                    refused += 1
                    print(f"patient {patients}: {why}")
    if arguments.lines:
        with open(arguments.lines, "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    print(f"{patients} patients, {len(lines)} prompts, {refused} refused")
    sys.exit(1 if refused or not patients else 0)


if __name__ == "__main__":
    main()
