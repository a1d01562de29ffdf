// Owns: the prompt templates that a packed file gets: the default set, or a folder of somebody's
// own.
// Must not: parse (`PromptTemplateFile` does).

import Foundation
import VialText

/// Sets of prompt templates, sorted by id.
public enum PromptTemplateSet {
  /// How template files end.
  public static let fileSuffix = ".txt"

  /// The templates of a folder, or the default set when there is none.
  static func templates(of folder: String?) throws(PackingError) -> [PromptTemplateFile] {
    guard let folder else { return try standard() }
    return try read(folder: folder)
  }

  /// The default set: written for this project, Apache-2.0, English.
  public static func standard() throws(PackingError) -> [PromptTemplateFile] {
    let sources: [(name: String, bytes: [UInt8])] = [
      ("calculator-explanation", PackageResources.calculator_explanation_txt),
      ("differential-diagnosis", PackageResources.differential_diagnosis_txt),
      ("discharge-summary", PackageResources.discharge_summary_txt),
      ("follow-up-plan", PackageResources.follow_up_plan_txt),
      ("guideline-question", PackageResources.guideline_question_txt),
      ("laboratory-interpretation", PackageResources.laboratory_interpretation_txt),
      ("patient-education", PackageResources.patient_education_txt),
      ("prescription-guidance", PackageResources.prescription_guidance_txt),
      ("problem-list", PackageResources.problem_list_txt),
      ("radiology-summary", PackageResources.radiology_summary_txt),
      ("symptom-analysis", PackageResources.symptom_analysis_txt),
      ("triage", PackageResources.triage_txt),
    ]
    return try checked(sources.map { ($0.name + fileSuffix, $0.bytes) })
  }

  /// All files of a folder that end in `.txt`, in order of their names.
  /// - Throws: what is wrong with the first that is no template, or two of one id.
  public static func read(folder path: String) throws(PackingError) -> [PromptTemplateFile] {
    let folder = try CheckpointFolder(path: path)
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch { throw PackingError("\(PackingError.printable(path)): cannot be listed") }
    var sources: [(name: String, bytes: [UInt8])] = []
    for name in names.sorted() where name.hasSuffix(fileSuffix) {
      sources.append((name, try folder.read(name)))
    }
    return try checked(sources)
  }

  private static func checked(
    _ sources: [(name: String, bytes: [UInt8])]
  ) throws(PackingError) -> [PromptTemplateFile] {
    var templates: [PromptTemplateFile] = []
    for (name, bytes) in sources {
      let template = try PromptTemplateFile(bytes, name: name)
      if templates.contains(where: { $0.template.id == template.template.id }) {
        throw PackingError("\(PackingError.printable(name)): a second template with its id")
      }
      templates.append(template)
    }
    return templates.sorted { $0.template.id < $1.template.id }
  }
}
