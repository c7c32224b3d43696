"""Published studies as data, and their replication as they were designed."""

from ketasim.studies.library import bundled_studies, left_studies, load_study, people_of, replicate, study_list
from ketasim.studies.load import StudyDesign
from ketasim.studies.many import replicate_many

__all__ = [
    "StudyDesign",
    "bundled_studies",
    "left_studies",
    "load_study",
    "people_of",
    "replicate",
    "replicate_many",
    "study_list",
]
