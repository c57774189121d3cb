# School registers of 60 simulated students, and the measures of each by base R.
# Rscript tests/reference/registers.R, from the project's folder.
set.seed(20260)
out <- "tests/reference"
students <- sprintf("S%02d", 1:60)

# Attendance: one to three terms, some split over two schools, one student in ten without a row.
attendance <- do.call(rbind, lapply(students[1:54], function(s) {
  terms <- sample(1:3, 1)
  enrolled <- sample(40:95, terms, replace = TRUE)
  data.frame(student = s, term = seq_len(terms), days_enrolled = enrolled,
             days_absent = rbinom(terms, enrolled, sample(c(0.03, 0.09, 0.2), 1)))
}))
# Exactly a tenth.
attendance <- rbind(attendance, data.frame(student = "S55", term = 1:2, days_enrolled = c(120, 60), days_absent = c(7, 11)))

levels <- c("A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-", "D+", "D", "D-", "F", "W", "AU", "")
marks <- do.call(rbind, lapply(students, function(s) {
  n <- sample(1:6, 1)
  data.frame(student = s, course = paste0("c", seq_len(n)), mark = sample(levels, n, replace = TRUE))
}))

incidents <- do.call(rbind, lapply(students, function(s) {
  n <- rpois(1, 0.8)
  if (n == 0) return(NULL)
  data.frame(student = s, incident_id = paste0(s, "-", seq_len(n)),
             incident_type = sample(c("Suspension", "In-school suspension", "Lateness"), n, replace = TRUE))
}))

totals <- aggregate(cbind(days_enrolled, days_absent) ~ student, attendance, sum)
totals$absence_rate <- totals$days_absent / totals$days_enrolled
totals$chronic_absence <- as.numeric(10 * totals$days_absent >= totals$days_enrolled)

ab <- levels[1:6]
dfw <- levels[10:14]
courses <- do.call(rbind, lapply(split(marks, marks$student), function(d) {
  counted <- d[!(d$mark %in% c("AU", "")), ]
  data.frame(student = d$student[1], n_courses = nrow(counted),
             share_ab = if (nrow(counted)) mean(counted$mark %in% ab) else NA,
             share_dfw = if (nrow(counted)) mean(counted$mark %in% dfw) else NA,
             n_withdrawn = sum(counted$mark == "W"), n_no_mark = sum(d$mark == ""))
}))

counts <- data.frame(student = students)
of <- function(types) sapply(students, function(s) sum(incidents$student == s & incidents$incident_type %in% types))
counts$n_incidents <- of(unique(incidents$incident_type))
counts$n_suspensions <- of(c("Suspension", "In-school suspension"))
counts$any_suspensions <- as.numeric(counts$n_suspensions > 0)

expected <- merge(merge(counts, totals, all.x = TRUE), courses, all.x = TRUE)
write.csv(attendance, file.path(out, "registers_attendance.csv"), row.names = FALSE)
write.csv(marks, file.path(out, "registers_marks.csv"), row.names = FALSE)
write.csv(incidents, file.path(out, "registers_incidents.csv"), row.names = FALSE)
write.csv(expected, file.path(out, "registers_expected.csv"), row.names = FALSE)
